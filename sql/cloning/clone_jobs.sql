-- The definitions of the jobs of users, on or off: a row for each. Policies have what they work on:
-- a hypertable, or a continuous aggregate. Values are text, and names are quoted. Refresh policies come
-- first, because columnstore policies may need them, and later ranges first (see NewJob::script).
WITH routine AS (
    SELECT namespace.nspname AS schema_name, procedure.proname AS name,
           oidvectortypes(procedure.proargtypes) AS arguments
    FROM pg_proc AS procedure
    JOIN pg_namespace AS namespace ON namespace.oid = procedure.pronamespace
)
SELECT job.id,
       job.proc_schema,
       job.proc_name,
       coalesce(cagg.user_view_schema, hypertable.schema_name) AS subject_schema,
       coalesce(cagg.user_view_name, hypertable.table_name) AS subject_name,
       (SELECT dimension.column_type FROM _timescaledb_catalog.dimension
        WHERE dimension.hypertable_id = hypertable.id ORDER BY dimension.id LIMIT 1)::text
           AS subject_type,
       cagg.parent_mat_hypertable_id IS NOT NULL AS is_on_hierarchy,
       job.schedule_interval::text AS every,
       job.max_runtime::text,
       job.max_retries,
       job.retry_period::text,
       job.scheduled,
       job.fixed_schedule,
       job.initial_start::text,
       job.timezone,
       -- without what a policy's own function adds
       CASE WHEN job.proc_schema LIKE '\_timescaledb\_%'
            THEN job.config - '{hypertable_id,mat_hypertable_id}'::text[]
            ELSE job.config END AS config,
       job.check_schema,
       job.check_name,
       -- with the arguments that TimescaleDB calls them with
       EXISTS (SELECT FROM routine
               WHERE schema_name = job.proc_schema AND name = job.proc_name
                 AND arguments = 'integer, jsonb') AS has_procedure,
       EXISTS (SELECT FROM routine
               WHERE schema_name = job.check_schema AND name = job.check_name
                 AND arguments = 'jsonb') AS has_check,
       cagg.mat_hypertable_id IS NULL
       AND EXISTS (SELECT FROM pg_indexes
                   WHERE schemaname = hypertable.schema_name AND tablename = hypertable.table_name
                     AND indexname = job.config ->> 'index_name') AS has_index,
       pg_get_userbyid(job.owner::oid) AS owner,
       -- the name that a user has chosen, without the ID that follows every name
       CASE WHEN known.name NOT IN ('User-Defined Action', 'Retention Policy', 'Reorder Policy',
                                    'Compression Policy', 'Columnstore Policy',
                                    'Refresh Continuous Aggregate Policy')
            THEN known.name END AS name
FROM _timescaledb_config.bgw_job AS job
CROSS JOIN LATERAL (SELECT left(job.application_name, -length(format(' [%s]', job.id)))) AS known (name)
CROSS JOIN LATERAL (
    SELECT CASE WHEN job.proc_name = 'policy_refresh_continuous_aggregate'
                THEN job.config -> 'end_offset' END AS value
) AS end_offset
LEFT JOIN _timescaledb_catalog.hypertable ON hypertable.id = job.hypertable_id
LEFT JOIN _timescaledb_catalog.continuous_agg AS cagg ON cagg.mat_hypertable_id = hypertable.id
WHERE job.id >= 1000
ORDER BY job.proc_name = 'policy_refresh_continuous_aggregate' DESC,
         CASE jsonb_typeof(end_offset.value) WHEN 'number' THEN end_offset.value::bigint END
             NULLS FIRST,
         CASE jsonb_typeof(end_offset.value) WHEN 'string'
              THEN (end_offset.value #>> '{}')::interval END NULLS FIRST,
         job.id
