-- The validated foreign keys that reference hypertables, or tables that will become hypertables.
--
-- $1: OIDs of the referenced tables
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       pg_constraint.conname AS name
FROM pg_constraint
JOIN pg_class AS class ON class.oid = pg_constraint.conrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE pg_constraint.contype = 'f'
  AND pg_constraint.convalidated
  AND pg_constraint.conparentid = 0
  AND class.relkind = 'r'
  AND pg_constraint.confrelid = ANY ($1::oid[])
ORDER BY 1, 2, 3
