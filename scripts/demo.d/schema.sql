-- The tables of the demonstration: four hypertables, and a plain table that one of them references.
-- :edition is community or apache.
SET client_min_messages = warning;

CREATE SCHEMA metrics;
CREATE SCHEMA machine;

CREATE TABLE public.device (
    id        integer PRIMARY KEY,
    serial    text NOT NULL UNIQUE,
    site      text NOT NULL,
    outdoor   boolean NOT NULL,
    installed date NOT NULL
);

INSERT INTO public.device
SELECT id,
       'TH-' || upper(substr(md5(id::text), 1, 8)),
       (ARRAY['Aarhus', 'Bergen', 'Cork', 'Delft', 'Espoo'])[1 + id % 5],
       id % 3 = 0,
       date '2023-02-01' + id * 7
FROM generate_series(1, 100) AS id;

-- Measurements of each device's weather station, every five minutes.
CREATE TABLE public.conditions (
    time        timestamptz NOT NULL,
    device_id   integer NOT NULL,
    temperature double precision,
    humidity    double precision,
    battery     real,
    signal_dbm  smallint,
    PRIMARY KEY (device_id, time)
);
SELECT create_hypertable('public.conditions', 'time', chunk_time_interval => interval '7 days');

-- Occasional events of devices, which must exist in public.device.
CREATE TABLE public.event (
    time      timestamptz NOT NULL,
    device_id integer NOT NULL REFERENCES public.device,
    severity  text NOT NULL,
    detail    jsonb
);
CREATE INDEX ON public.event (device_id, time DESC);
SELECT create_hypertable('public.event', 'time', chunk_time_interval => interval '14 days');

-- CPU load of hosts, every 20 seconds; the hosts are a space dimension.
CREATE TABLE metrics.cpu (
    time         timestamptz NOT NULL,
    host         text NOT NULL,
    usage_user   real,
    usage_system real,
    usage_iowait real,
    load1        double precision,
    processes    integer
);
CREATE INDEX ON metrics.cpu (host, time DESC);
SELECT create_hypertable('metrics.cpu', 'time', 'host', 4, chunk_time_interval => interval '7 days');

-- Counters of machines without a clock: their time is a tick.
CREATE TYPE machine.state AS ENUM ('running', 'idle', 'fault');
CREATE TABLE machine.counters (
    tick       bigint NOT NULL,
    machine    text NOT NULL,
    state      machine.state NOT NULL,
    parts      bigint NOT NULL,
    rejects    bigint NOT NULL,
    energy_kwh numeric(12, 3) NOT NULL,
    PRIMARY KEY (machine, tick)
);
SELECT create_hypertable('machine.counters', 'tick', chunk_time_interval => 20000);
