-- Foreign keys of other tables that reference hypertables: a row for each.
--
-- $1, $2: schemas and names of the hypertables
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       referencing_namespace.nspname AS referencing_schema,
       referencing.relname AS referencing_table,
       key.conname AS name,
       -- as pg_constraint.confdeltype: a no action, r restrict, c cascade, n set null, d set default
       key.confdeltype AS on_delete
FROM pg_constraint AS key
JOIN pg_class AS class ON class.oid = key.confrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_class AS referencing ON referencing.oid = key.conrelid
JOIN pg_namespace AS referencing_namespace ON referencing_namespace.oid = referencing.relnamespace
WHERE key.contype = 'f' AND key.conparentid = 0
  AND (namespace.nspname, class.relname) IN (SELECT * FROM unnest($1::name[], $2::name[]))
ORDER BY 1, 2, 3, 4, 5
