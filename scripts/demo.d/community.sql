-- Features of the Community edition: compressed chunks and a continuous aggregate.
-- Compresses chunks a week older than :until, and materializes the aggregate up to :materialized.
SET client_min_messages = warning;

ALTER TABLE public.conditions SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'device_id',
    timescaledb.compress_orderby = 'time DESC'
);
SELECT compress_chunk(chunk)
FROM show_chunks('public.conditions', older_than => :'until'::timestamptz - interval '7 days') AS chunk;

-- A device that was offline sends its measurements: they become newer rows of a compressed chunk.
INSERT INTO public.conditions
SELECT time + interval '150 seconds', device_id, temperature, humidity, battery, signal_dbm
FROM public.conditions
WHERE device_id = 17 AND time >= :'until'::timestamptz - interval '20 days'
                     AND time < :'until'::timestamptz - interval '19 days';

CREATE MATERIALIZED VIEW public.conditions_hourly WITH (timescaledb.continuous) AS
SELECT time_bucket('1 hour', time) AS hour,
       device_id,
       -- rounded, because the mean of floats depends on the order of rows
       round(avg(temperature)::numeric, 3) AS mean_temperature,
       min(temperature) AS lowest_temperature,
       max(temperature) AS highest_temperature,
       round(avg(humidity)::numeric, 3) AS mean_humidity,
       count(*) AS measurements
FROM public.conditions
GROUP BY 1, 2
WITH NO DATA;
CALL refresh_continuous_aggregate('public.conditions_hourly', NULL, :'materialized'::timestamptz);

-- Policies, which must be turned off in the target. They have nothing to do for this data.
SELECT add_compression_policy('public.conditions', interval '10 years');
SELECT add_continuous_aggregate_policy('public.conditions_hourly', start_offset => interval '12 years',
                                       end_offset => interval '10 years',
                                       schedule_interval => interval '1 hour');
