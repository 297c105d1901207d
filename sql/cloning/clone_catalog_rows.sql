-- The rows of catalog tables that the target needs and that are not in the dump, as JSON, or NULL
-- if there are none: a row for each table. Of compression_settings, the rows about hypertables, not
-- chunks. Of bgw_job, all jobs of users and policies. Policies get the owner that the hypertable will
-- have in the target, because they could not work on it otherwise; other jobs keep their owners.
--
-- $1: the role that owns the hypertables in the target
-- $2: roles that own what they own in the source
SELECT '_timescaledb_catalog' AS catalog_schema,
       'compression_settings' AS catalog_table,
       (SELECT json_agg(to_json(settings))
        FROM _timescaledb_catalog.compression_settings AS settings
        WHERE settings.relid IN
              (SELECT to_regclass(format('%I.%I', schema_name, table_name))
               FROM _timescaledb_catalog.hypertable)) AS rows
UNION ALL
-- TimescaleDB has moved this table; a view has its former name.
SELECT (SELECT namespace.nspname
        FROM pg_class AS class
        JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
        WHERE class.relname = 'bgw_job' AND class.relkind = 'r'
          AND namespace.nspname IN ('_timescaledb_config', '_timescaledb_catalog')),
       'bgw_job',
       (SELECT json_agg(CASE WHEN job.hypertable_id IS NULL THEN to_jsonb(job)
                             ELSE to_jsonb(job) || jsonb_build_object('owner', quote_ident(
                                 CASE WHEN owner.rolname = ANY ($2::text[]) THEN owner.rolname ELSE $1 END)) END
                        ORDER BY job.id)
        FROM _timescaledb_config.bgw_job AS job
        LEFT JOIN (SELECT hypertable.id, pg_get_userbyid(relowner) AS rolname
                   FROM _timescaledb_catalog.hypertable
                   JOIN pg_class AS class
                     ON class.oid = to_regclass(format('%I.%I', schema_name, table_name))) AS owner
               ON owner.id = job.hypertable_id
        WHERE job.id >= 1000)
