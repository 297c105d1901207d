-- Prints a line for each table of the demonstration: its name, chunks, compressed chunks, rows, and
-- a digest of all rows that does not depend on their order.
SET client_min_messages = warning;
SET timezone = 'UTC';

WITH tables AS (
    SELECT format('%I.%I', hypertable_schema, hypertable_name) AS name,
           hypertable_schema AS schema, hypertable_name AS hypertable
    FROM timescaledb_information.hypertables
    UNION ALL
    SELECT format('%I.%I', view_schema, view_name),
           materialization_hypertable_schema, materialization_hypertable_name
    FROM timescaledb_information.continuous_aggregates
    UNION ALL
    SELECT 'public.device', NULL, NULL
)
SELECT format($$SELECT %L, %s, %s, ltrim(to_char(count(*), '999,999,990')),
                       coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %s AS t$$,
              name, count(chunk_name), count(chunk_name) FILTER (WHERE is_compressed), name)
FROM tables
LEFT JOIN timescaledb_information.chunks ON hypertable_schema = schema AND hypertable_name = hypertable
GROUP BY name
ORDER BY name COLLATE "C"
\gexec
