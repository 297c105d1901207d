-- Whether the role may restore a dump into the target: one row.
SELECT current_user AS role,
       current_database() AS database,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       -- further privileges for timescaledb_pre_restore() depend on the provider of the server
       coalesce(has_table_privilege(to_regclass('_timescaledb_catalog.hypertable'), 'INSERT'),
                (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) AS may_fill_catalog,
       coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), true) AS may_use_public
