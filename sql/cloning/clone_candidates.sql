-- The tables that have a column and might become a hypertable, with what may prevent that: a row
-- for each.
--
-- $1, $2, $3: schema (NULL for any), table (NULL for any) and column
-- $4: OIDs of tables to leave out: chunks
-- quote_all_identifiers must be on, so that the definition is as pg_dump writes it.
SELECT class.oid,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       class.relkind = 'p' AS is_partitioned,
       class.relispartition AS is_partition,
       pg_get_partkeydef(class.oid) AS partition_key,
       CASE WHEN coalesce(base.typnamespace, type.typnamespace) = 'pg_catalog'::regnamespace
            THEN coalesce(base.typname, type.typname)
            ELSE format('%I', coalesce(base.typname, type.typname)) END AS type,
       attribute.attgenerated <> '' AS is_generated,
       (EXISTS (SELECT FROM pg_inherits WHERE inhrelid = class.oid)
        OR (class.relkind = 'r'
            AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = class.oid))) AS inherits,
       EXISTS (SELECT FROM pg_rewrite WHERE ev_class = class.oid) AS has_rules,
       (SELECT json_agg(format('%I', conname) ORDER BY conname) FROM pg_constraint
        WHERE conrelid = class.oid AND contype = 'c' AND connoinherit) AS not_inherited,
       (SELECT json_agg(format('%I', index.relname) ORDER BY index.relname)
        FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
        WHERE indrelid = class.oid AND (indisunique OR indisexclusion)
          AND attribute.attnum <> ALL (indkey[0:indnkeyatts - 1])) AS keys_without_column,
       (SELECT json_agg(confrelid::bigint) FROM pg_constraint
        WHERE conrelid = class.oid AND contype = 'f' AND conparentid = 0) AS references_oids,
       (SELECT json_agg(conrelid::bigint) FROM pg_constraint
        WHERE confrelid = class.oid AND contype = 'f' AND conparentid = 0) AS referenced_by_oids,
       (SELECT json_agg(json_build_array(part_namespace.nspname, part.relname, part.oid::bigint)
                        ORDER BY 1)
        FROM pg_partition_tree(class.oid) AS tree
        JOIN pg_class AS part ON part.oid = tree.relid
        JOIN pg_namespace AS part_namespace ON part_namespace.oid = part.relnamespace
        WHERE tree.level > 0) AS partitions
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attname = $3
                              AND attribute.attnum > 0 AND NOT attribute.attisdropped
JOIN pg_type AS type ON type.oid = attribute.atttypid
LEFT JOIN pg_type AS base ON base.oid = type.typbasetype AND type.typtype = 'd'
WHERE class.relkind IN ('r', 'p')
  AND class.relpersistence <> 't'
  AND ($1::text IS NULL OR namespace.nspname = $1)
  AND ($2::text IS NULL OR class.relname = $2)
  AND ($2::text IS NOT NULL OR NOT class.relispartition)
  AND namespace.nspname NOT LIKE 'pg\_%'
  AND namespace.nspname NOT IN ('information_schema', '__backfill')
  AND class.oid NOT IN (SELECT unnest($4::oid[]))
  AND NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
ORDER BY 2, 3
