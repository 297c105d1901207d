-- The data of a PostgreSQL without TimescaleDB: a year of hourly rainfall before :until, in a
-- partitioned table, and the stations that measure it.
CREATE TABLE public.station (
    id   integer PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO public.station SELECT id, 'Station ' || id FROM generate_series(1, 20) AS id;

CREATE TABLE public.rainfall (
    time        timestamptz NOT NULL,
    station_id  integer NOT NULL REFERENCES public.station,
    millimetres numeric(5, 1),
    PRIMARY KEY (station_id, time)
) PARTITION BY RANGE (time);
CREATE INDEX ON public.rainfall (time);
SELECT format('CREATE TABLE public.rainfall_%s PARTITION OF public.rainfall FOR VALUES FROM (%L) TO (%L)',
              to_char(month, 'YYYY_MM'), month, month + interval '1 month')
FROM generate_series(date_trunc('month', :'until'::timestamptz - interval '1 year'),
                     :'until'::timestamptz, interval '1 month') AS month
\gexec
INSERT INTO public.rainfall
SELECT hour, id, greatest(0, 30 * pg_temp.noise(extract(epoch FROM hour)::bigint / 7200, id) - 20)
FROM generate_series(date_trunc('hour', :'until'::timestamptz - interval '1 year'),
                     :'until'::timestamptz - interval '1 second', interval '1 hour') AS hour
CROSS JOIN generate_series(1, 20) AS id;
