-- The jobs of users, on or off. Their IDs begin with 1000 (TimescaleDB's sql/pre_install/tables.sql).
-- The views are the same in all versions; the tables that they read are not.
--
-- $1: a case-insensitive POSIX regular expression for the schema.name of the hypertable or continuous
--     aggregate that a policy works on, or else of the job's procedure, with or without quotes; NULL
--     matches all
SELECT job.job_id,
       job.application_name,
       procedure.name AS procedure_name,
       coalesce(subject.name, '') AS subject,
       pg_get_userbyid(job.owner::oid) AS owner,
       coalesce(pg_get_userbyid(subject.owner), '') AS subject_owner,
       CASE subject.kind WHEN 'v' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS subject_kind,
       -- Policies check this when they run (ts_hypertable_permissions_check in src/hypertable.c,
       -- ts_cagg_permissions_check in src/ts_catalog/continuous_agg.c).
       coalesce(pg_has_role(job.owner::oid, subject.owner, 'USAGE'), true) AS may_work,
       pg_has_role(job.owner, 'USAGE') AS may_alter,
       job.scheduled,
       job.schedule_interval::text AS every,
       coalesce(to_char(CASE WHEN isfinite(job.next_start) THEN job.next_start END
                            AT TIME ZONE 'UTC',
                        'YYYY-MM-DD HH24:MI:SS "UTC"'), '') AS next_start,
       coalesce(stats.job_status = 'Running', false) AS running,
       configured.timezone,
       coalesce(job.config ? 'drop_created_before', false) AS drops_by_creation,
       job.proc_name = 'policy_refresh_continuous_aggregate'
       AND EXISTS (SELECT FROM _timescaledb_catalog.continuous_agg AS upper
                   WHERE upper.mat_hypertable_id = configured.hypertable_id
                     AND upper.parent_mat_hypertable_id IS NOT NULL) AS refreshes_upper
FROM timescaledb_information.jobs AS job
JOIN _timescaledb_config.bgw_job AS configured ON configured.id = job.job_id
LEFT JOIN timescaledb_information.job_stats AS stats ON stats.job_id = job.job_id
LEFT JOIN timescaledb_information.continuous_aggregates AS cagg
       ON cagg.materialization_hypertable_schema = job.hypertable_schema
      AND cagg.materialization_hypertable_name = job.hypertable_name
CROSS JOIN LATERAL (
    SELECT format('%I.%I', job.proc_schema, job.proc_name) AS name,
           concat(job.proc_schema, '.', job.proc_name) AS plain
) AS procedure
LEFT JOIN LATERAL (
    SELECT format('%I.%I', namespace.nspname, class.relname) AS name,
           concat(namespace.nspname, '.', class.relname) AS plain,
           class.relowner AS owner,
           class.relkind AS kind
    FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = coalesce(cagg.view_schema, job.hypertable_schema)
      AND class.relname = coalesce(cagg.view_name, job.hypertable_name)
) AS subject ON true
WHERE job.job_id >= 1000
  AND ($1::text IS NULL
       OR coalesce(subject.name, procedure.name) ~* $1
       OR coalesce(subject.plain, procedure.plain) ~* $1)
ORDER BY job.job_id
