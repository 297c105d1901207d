-- The default search_path of this role's sessions in this database: one row.
SELECT regexp_replace(setting.reset_val, '(^|,)(\s*)\$user(\s*)(?=,|$)', '\1\2"$user"\3', 'g') AS path,
       quote_ident(session_user) AS role,
       quote_ident(current_database()) AS database,
       -- a setting of the role overrides the database's (ApplySetting in PostgreSQL's
       -- src/backend/catalog/pg_db_role_setting.c, process_settings in src/backend/utils/init/postinit.c)
       EXISTS (SELECT FROM pg_db_role_setting
               WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = session_user)
                 AND setdatabase IN (0, (SELECT oid FROM pg_database
                                         WHERE datname = current_database()))
                 AND EXISTS (SELECT FROM unnest(setconfig) AS one
                             WHERE one ILIKE 'search\_path=%')) AS is_of_role
FROM pg_settings AS setting
WHERE setting.name = 'search_path'
