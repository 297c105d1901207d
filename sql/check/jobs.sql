-- The scheduled jobs of the database, except TimescaleDB's own, whose IDs are below 1000. The
-- configurations of policies name their hypertables. The view is the same in all versions, unlike
-- the table that it reads.
--
-- Times are in TimescaleDB's internal format, microseconds since 1970. For hypertables with integer
-- time, the offset from the result of their integer_now function is returned instead.
SELECT job.job_id,
       job.application_name,
       job.proc_schema,
       job.proc_name,
       configured.timezone,
       policy.hypertable_id,
       policy.kind,
       -- retention: chunks that end at or before this are dropped, or, with drop_created_before,
       -- chunks that were created by then
       (extract(epoch FROM now() - CASE WHEN jsonb_typeof(policy.config -> 'drop_after') = 'string'
                                        THEN (policy.config ->> 'drop_after')::interval END)
        * 1000000)::bigint AS drop_until,
       CASE WHEN jsonb_typeof(policy.config -> 'drop_after') = 'number'
            THEN (policy.config ->> 'drop_after')::bigint END AS drop_lag,
       (extract(epoch FROM now() - (policy.config ->> 'drop_created_before')::interval)
        * 1000000)::bigint AS drop_created_until,
       (extract(epoch FROM (policy.config ->> 'drop_created_before')::interval)
        * 1000000)::bigint AS drop_created_after,
       coalesce(policy.config ->> 'drop_after', policy.config ->> 'drop_created_before') AS drop_text,
       -- refresh: the start of the window; NULL if it has none
       (extract(epoch FROM now() - CASE WHEN jsonb_typeof(policy.config -> 'start_offset') = 'string'
                                        THEN (policy.config ->> 'start_offset')::interval END)
        * 1000000)::bigint AS refresh_from,
       CASE WHEN jsonb_typeof(policy.config -> 'start_offset') = 'number'
            THEN (policy.config ->> 'start_offset')::bigint END AS refresh_lag,
       (SELECT format('%I.%I', dimension.integer_now_func_schema, dimension.integer_now_func)
        FROM _timescaledb_catalog.dimension
        WHERE dimension.hypertable_id
                  = CASE WHEN policy.kind = 'refresh'
                         -- a hierarchical aggregate uses the function of the lowest hypertable
                         THEN (WITH RECURSIVE below (id) AS (
                                   SELECT policy.hypertable_id
                                   UNION ALL
                                   SELECT cagg.raw_hypertable_id
                                   FROM below
                                   JOIN _timescaledb_catalog.continuous_agg AS cagg
                                     ON cagg.mat_hypertable_id = below.id)
                               SELECT below.id FROM below
                               WHERE NOT EXISTS (
                                   SELECT FROM _timescaledb_catalog.continuous_agg AS cagg
                                   WHERE cagg.mat_hypertable_id = below.id))
                         ELSE policy.hypertable_id END
          AND dimension.integer_now_func IS NOT NULL
        LIMIT 1) AS integer_now
FROM timescaledb_information.jobs AS job
JOIN _timescaledb_config.bgw_job AS configured ON configured.id = job.job_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN job.proc_schema IN ('_timescaledb_functions', '_timescaledb_internal')
                THEN CASE job.proc_name
                         WHEN 'policy_refresh_continuous_aggregate' THEN 'refresh'
                         ELSE substring(job.proc_name FROM '^policy_(.+)$') END END AS kind,
           CASE WHEN job.proc_schema IN ('_timescaledb_functions', '_timescaledb_internal')
                THEN coalesce(job.config ->> 'mat_hypertable_id', job.config ->> 'hypertable_id')
           END::int AS hypertable_id,
           -- that of a user's job may have anything
           CASE WHEN job.proc_schema IN ('_timescaledb_functions', '_timescaledb_internal')
                THEN job.config END AS config
) AS policy
WHERE job.scheduled AND job.job_id >= 1000
ORDER BY job.job_id
