-- The foreign keys of hypertables: a row for each, with the columns that it references.
--
-- $1, $2: schemas and names of the hypertables
SELECT hypertable.nspname AS schema_name,
       class.relname AS table_name,
       pg_constraint.conname AS name,
       referenced_namespace.nspname AS referenced_schema,
       referenced.relname AS referenced_table,
       (SELECT jsonb_agg(attribute.attname ORDER BY key.place)
        FROM unnest(pg_constraint.confkey) WITH ORDINALITY AS key (attnum, place)
        JOIN pg_attribute AS attribute
          ON attribute.attrelid = pg_constraint.confrelid AND attribute.attnum = key.attnum)
           AS referenced_columns
FROM pg_constraint
JOIN pg_class AS class ON class.oid = pg_constraint.conrelid
JOIN pg_namespace AS hypertable ON hypertable.oid = class.relnamespace
JOIN pg_class AS referenced ON referenced.oid = pg_constraint.confrelid
JOIN pg_namespace AS referenced_namespace ON referenced_namespace.oid = referenced.relnamespace
WHERE pg_constraint.contype = 'f'
  AND (hypertable.nspname, class.relname) IN (SELECT * FROM unnest($1::name[], $2::name[]))
ORDER BY 1, 2, 3
