-- The validated foreign keys that reference hypertables, or tables that will become hypertables: a row for
-- each, with the text with which pg_dump begins the statement.
--
-- $1: OIDs of the referenced tables
SELECT format(E'ALTER TABLE ONLY %s.%s\n    ADD CONSTRAINT %s FOREIGN KEY ',
              own.schema_name, own.table_name, own.name) AS statement,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       pg_constraint.conname AS name
FROM pg_constraint
JOIN pg_class AS class ON class.oid = pg_constraint.conrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
CROSS JOIN LATERAL (
    SELECT '"' || replace(namespace.nspname, '"', '""') || '"' AS schema_name,
           '"' || replace(class.relname, '"', '""') || '"' AS table_name,
           '"' || replace(pg_constraint.conname, '"', '""') || '"' AS name
) AS own
WHERE pg_constraint.contype = 'f'
  AND pg_constraint.convalidated
  AND pg_constraint.conparentid = 0
  AND class.relkind = 'r'
  AND pg_constraint.confrelid = ANY ($1::oid[])
ORDER BY 2, 3, 4
