-- The constraints of hypertables, or of tables that will become hypertables, that are NOT VALID and that
-- PostgreSQL checks for copied rows.
--
-- $1: OIDs of the tables
-- $2: whether it also checks foreign keys, because the role may not set session_replication_role
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       pg_constraint.conname AS name,
       CASE contype WHEN 'c' THEN 'CHECK' WHEN 'n' THEN 'NOT NULL' ELSE 'FOREIGN KEY' END AS kind,
       -- pg_dump writes it for foreign keys of tables without partitions (dumpConstraint in its
       -- src/bin/pg_dump/pg_dump.c)
       contype = 'f' AND class.relkind = 'r' AS is_of_only,
       pg_get_constraintdef(pg_constraint.oid) AS definition,
       obj_description(pg_constraint.oid, 'pg_constraint') AS comment
FROM pg_constraint
JOIN pg_class AS class ON class.oid = pg_constraint.conrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE pg_constraint.conrelid = ANY ($1::oid[])
  AND NOT pg_constraint.convalidated
  AND (contype IN ('c', 'n') OR contype = 'f' AND $2::boolean)
ORDER BY 1, 2, 3
