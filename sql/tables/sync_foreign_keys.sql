-- The foreign keys between tables: a row for each. Those of partitions that belong to a key of the
-- partitioned table, and those of chunks, are left out.
--
-- $1: OIDs of the chunks and their compressed tables
SELECT key.conname AS name,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       root_namespace.nspname AS root_schema,
       root.relname AS root_name,
       referenced_root_namespace.nspname AS referenced_schema,
       referenced_root.relname AS referenced_name,
       columns.referencing,
       columns.referenced,
       columns.equals,
       key.condeferrable AS is_deferrable,
       -- c cascade, n set null, d set default: an UPDATE of the referenced columns changes rows
       key.confupdtype IN ('c', 'n', 'd') AS updates_act
FROM pg_constraint AS key
JOIN pg_class AS class ON class.oid = key.conrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_class AS root ON root.oid = coalesce(pg_partition_root(key.conrelid), key.conrelid)
JOIN pg_namespace AS root_namespace ON root_namespace.oid = root.relnamespace
JOIN pg_class AS referenced_root
  ON referenced_root.oid = coalesce(pg_partition_root(key.confrelid), key.confrelid)
JOIN pg_namespace AS referenced_root_namespace
  ON referenced_root_namespace.oid = referenced_root.relnamespace
CROSS JOIN LATERAL (
    SELECT jsonb_agg(own.attname ORDER BY part.place) AS referencing,
           jsonb_agg(other.attname ORDER BY part.place) AS referenced,
           jsonb_agg(format('OPERATOR(%I.%s)', operator_namespace.nspname, operator.oprname)
                     ORDER BY part.place) AS equals
    FROM unnest(key.conkey, key.confkey, key.conpfeqop)
         WITH ORDINALITY AS part (own, other, operator, place)
    JOIN pg_attribute AS own ON own.attrelid = key.conrelid AND own.attnum = part.own
    JOIN pg_attribute AS other ON other.attrelid = key.confrelid AND other.attnum = part.other
    JOIN pg_operator AS operator ON operator.oid = part.operator
    JOIN pg_namespace AS operator_namespace ON operator_namespace.oid = operator.oprnamespace
) AS columns
WHERE key.contype = 'f' AND key.conparentid = 0
  AND key.conrelid NOT IN (SELECT unnest($1::oid[])) AND key.confrelid NOT IN (SELECT unnest($1::oid[]))
ORDER BY 4, 5, 1
