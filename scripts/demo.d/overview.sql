-- Prints a line for each hypertable and continuous aggregate, after a line of titles.
SET client_min_messages = warning;

\qecho table|dimensions|rows|chunks|compressed|size
WITH tables AS (
    SELECT format('%I.%I', hypertable_schema, hypertable_name) AS name,
           hypertable_schema AS schema, hypertable_name AS hypertable
    FROM timescaledb_information.hypertables
    UNION ALL
    SELECT format('%I.%I', view_schema, view_name),
           materialization_hypertable_schema, materialization_hypertable_name
    FROM timescaledb_information.continuous_aggregates
)
SELECT format($$SELECT %L, %L, ltrim(to_char(count(*), '999,999,990')), %s, %s,
                       pg_size_pretty(hypertable_size(format('%%I.%%I', %L, %L))) FROM %s$$,
              name,
              (SELECT string_agg(column_name, ', ' ORDER BY dimension_number)
               FROM timescaledb_information.dimensions
               WHERE hypertable_schema = schema AND hypertable_name = hypertable),
              count(chunk_name), count(chunk_name) FILTER (WHERE is_compressed),
              schema, hypertable, name)
FROM tables
LEFT JOIN timescaledb_information.chunks ON hypertable_schema = schema AND hypertable_name = hypertable
GROUP BY name, schema, hypertable
ORDER BY name COLLATE "C"
\gexec
