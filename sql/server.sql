-- What this server is: one row, with a NULL timescaledb_version when the database has no
-- timescaledb extension.
SELECT pg_catalog.current_setting('server_version_num')::int AS server_version_num,
       extension.extversion AS timescaledb_version,
       namespace.nspname AS extension_schema,
       -- 'apache' or 'timescale' (TimescaleDB's src/license_guc.c)
       pg_catalog.current_setting('timescaledb.license', true) AS license,
       pg_catalog.now()::text AS now
FROM (SELECT) AS one_row
LEFT JOIN (pg_catalog.pg_extension AS extension
           JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = extension.extnamespace)
       ON extension.extname = 'timescaledb'
