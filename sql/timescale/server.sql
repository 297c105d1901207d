-- The server's version and settings: one row, with a NULL timescaledb_version if the database has
-- no timescaledb extension. It may be run before the session is pinned.
SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS server_version_num,
       extension.extversion AS timescaledb_version,
       namespace.nspname AS extension_schema,
       pg_catalog.getdatabaseencoding() AS encoding,
       -- 'apache' or 'timescale' (TimescaleDB's src/license_guc.c)
       pg_catalog.current_setting('timescaledb.license', true) AS license,
       -- equal for two connections only if they are to the same database of the same running server
       -- (a hot standby has another start time than its primary)
       (SELECT pg_catalog.concat_ws('/', pg_catalog.pg_postmaster_start_time(),
                                    pg_catalog.current_setting('port'), database.oid)
        FROM pg_catalog.pg_database AS database
        WHERE database.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) AS identity,
       -- A server that recovers from the crash of a backend keeps its postmaster and discards its
       -- statistics (pgstat_discard_stats in PostgreSQL's src/backend/utils/activity/pgstat.c).
       (SELECT pg_catalog.date_part('epoch', stats_reset)
        FROM pg_catalog.pg_stat_archiver) AS statistics_since
FROM (SELECT) AS one_row
LEFT JOIN (pg_catalog.pg_extension AS extension
           JOIN pg_catalog.pg_namespace AS namespace
             ON namespace.oid OPERATOR(pg_catalog.=) extension.extnamespace)
       ON extension.extname OPERATOR(pg_catalog.=) 'timescaledb'
