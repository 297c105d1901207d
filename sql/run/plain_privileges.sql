-- privileges.sql for tables of a database without TimescaleDB, which are only read.
--
-- $1, $2: schemas and names of the tables
SELECT current_user AS role,
       current_database() AS database,
       true AS may_have_queue,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       'TABLE' AS kind,
       namespace.nspname AS known_schema,
       class.relname AS known_name,
       pg_get_userbyid(class.relowner) AS owner,
       owner.rolsuper AS owner_is_superuser,
       pg_has_role(class.relowner, 'USAGE') AS is_owner,
       CASE WHEN has_schema_privilege(namespace.oid, 'USAGE') THEN '[]'
            ELSE jsonb_build_array(namespace.nspname)::text END AS closed_schemas,
       has_table_privilege(class.oid, 'SELECT') AS may_select,
       true AS may_change,
       -- policies of partitions do not apply when their partitioned table is read
       row_security_active(class.oid) AS row_security,
       false AS row_security_of_owner
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_roles AS owner ON owner.oid = class.relowner
WHERE (namespace.nspname, class.relname) IN (SELECT * FROM unnest($1::name[], $2::name[]))
ORDER BY known_schema, known_name
