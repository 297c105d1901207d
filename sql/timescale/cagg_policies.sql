-- The range that the refresh policies of a continuous aggregate would refresh now, whether they are
-- scheduled or not: one row. Times are internal, in microseconds since 1970; for integers, $2 is
-- the current time.
--
-- $1: id of its materialization hypertable
-- $2: the result of the integer_now function; NULL if time is not an integer
WITH policy AS (
    SELECT config -> 'start_offset' AS start_offset, config -> 'end_offset' AS end_offset
    FROM timescaledb_information.jobs
    WHERE proc_schema IN ('_timescaledb_functions', '_timescaledb_internal')
      AND proc_name = 'policy_refresh_continuous_aggregate'
      AND (config ->> 'mat_hypertable_id')::int = $1::int
), bounds AS (
    SELECT CASE jsonb_typeof(start_offset)
               WHEN 'string'
               THEN (extract(epoch FROM now() - (start_offset #>> '{}')::interval) * 1000000)::bigint
               WHEN 'number' THEN $2::bigint - (start_offset #>> '{}')::bigint
               ELSE -9223372036854775808 -- from the beginning
           END AS "from",
           CASE jsonb_typeof(end_offset)
               WHEN 'string'
               THEN (extract(epoch FROM now() - (end_offset #>> '{}')::interval) * 1000000)::bigint
               WHEN 'number' THEN $2::bigint - (end_offset #>> '{}')::bigint
               ELSE coalesce($2::bigint, (extract(epoch FROM now()) * 1000000)::bigint)
           END AS until
    FROM policy
)
SELECT count(*) AS policies, min("from") AS "from", max(until) AS until,
       coalesce($2::bigint, (extract(epoch FROM now()) * 1000000)::bigint) AS now
FROM bounds
