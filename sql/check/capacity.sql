-- The number of connections of the server and their limits for this session's role and database,
-- and some settings: one row. A limit is NULL if there is none.
WITH activity AS (
    -- backend_type is NULL for roles that may not read it
    SELECT * FROM pg_stat_activity
    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
      AND pid <> pg_backend_pid()
)
SELECT current_setting('max_connections')::bigint AS max_connections,
       CASE WHEN role.rolsuper THEN 0
            ELSE current_setting('superuser_reserved_connections')::bigint
                 -- from PostgreSQL 16 on
                 + CASE WHEN EXISTS (SELECT FROM pg_roles AS user_of_them
                                     WHERE user_of_them.rolname = 'pg_use_reserved_connections'
                                       AND pg_has_role(user_of_them.oid, 'USAGE')) THEN 0
                        ELSE coalesce(current_setting('reserved_connections', true)::bigint, 0) END
       END AS reserved,
       (SELECT count(*) FROM activity) AS used,
       CASE WHEN NOT role.rolsuper THEN nullif(role.rolconnlimit, -1) END AS role_limit,
       (SELECT count(*) FROM activity WHERE usesysid = role.oid) AS used_by_role,
       CASE WHEN NOT role.rolsuper THEN nullif(database.datconnlimit, -1) END AS database_limit,
       (SELECT count(*) FROM activity WHERE datid = database.oid) AS used_by_database,
       role.rolname AS role,
       database.datname AS database,
       pg_is_in_recovery() AS in_recovery,
       current_setting('hot_standby_feedback')::boolean AS feedback,
       -- in milliseconds; -1 means forever
       (SELECT setting::bigint FROM pg_settings WHERE name = 'max_standby_streaming_delay')
           AS standby_delay,
       -- timescaledb_pre_restore() sets it, and timescaledb_post_restore() resets it
       EXISTS (SELECT FROM pg_db_role_setting
               CROSS JOIN LATERAL unnest(setconfig) AS setting
               WHERE setdatabase = database.oid AND setrole = 0
                 AND lower(setting) IN ('timescaledb.restoring=on', 'timescaledb.restoring=true'))
           AS restoring,
       (extract(epoch FROM now()) * 1000000)::bigint AS now
FROM pg_roles AS role
JOIN pg_database AS database ON database.datname = current_database()
WHERE role.rolname = current_user
