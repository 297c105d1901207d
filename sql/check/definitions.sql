-- The definitions of tables, without their columns' types: a row for each that exists. They are
-- found by joins, because to_regclass() fails for a schema without USAGE.
--
-- $1, $2: schemas and names of the tables
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       -- An index that was dropped after the snapshot has no definition.
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', index.relname,
                   'unique', index.indisunique,
                   'valid', index.indisvalid,
                   -- from USING on, because the table may have another name
                   'definition', substr(index.definition,
                       length(format('CREATE %sINDEX %I ON %s%I.%I ',
                                     CASE WHEN index.indisunique THEN 'UNIQUE ' END,
                                     index.relname,
                                     CASE WHEN class.relkind = 'p' THEN 'ONLY ' END,
                                     namespace.nspname,
                                     class.relname)) + 1))
                   ORDER BY index.relname), '[]')
        FROM (SELECT index_class.relname, pg_index.indisunique, pg_index.indisvalid,
                     pg_get_indexdef(index_class.oid) AS definition
              FROM pg_index
              JOIN pg_class AS index_class ON index_class.oid = pg_index.indexrelid
              WHERE pg_index.indrelid = class.oid AND pg_index.indislive
                AND NOT pg_index.indisexclusion
              OFFSET 0) AS index
        WHERE index.definition IS NOT NULL) AS indexes,
       -- Primary keys and unique constraints are among the indexes. NOT NULL is a constraint from
       -- PostgreSQL 18 on, which may be NOT VALID; all such columns are below.
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', constraint_.conname,
                   'kind', constraint_.contype,
                   'validated', constraint_.convalidated,
                   'definition', regexp_replace(constraint_.definition, ' NOT VALID$', ''))
                   ORDER BY constraint_.conname), '[]')
        FROM (SELECT conname, contype, convalidated,
                     pg_get_constraintdef(pg_constraint.oid) AS definition
              FROM pg_constraint
              WHERE conrelid = class.oid AND contype IN ('c', 'f', 'x', 'n')
              OFFSET 0) AS constraint_
        WHERE constraint_.definition IS NOT NULL) AS constraints,
       (SELECT coalesce(jsonb_agg(attribute.attname ORDER BY attribute.attname), '[]')
        FROM pg_attribute AS attribute
        WHERE attribute.attrelid = class.oid AND attribute.attnum > 0
          AND NOT attribute.attisdropped AND attribute.attnotnull) AS not_null,
       -- generated columns and their expressions
       (SELECT coalesce(jsonb_object_agg(attribute.attname, pg_get_expr(adbin, adrelid))
                        FILTER (WHERE pg_get_expr(adbin, adrelid) IS NOT NULL), '{}')
        FROM pg_attribute AS attribute
        JOIN pg_attrdef ON adrelid = attribute.attrelid AND adnum = attribute.attnum
        WHERE attribute.attrelid = class.oid AND attribute.attgenerated <> ''
          AND NOT attribute.attisdropped) AS generated
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE (namespace.nspname, class.relname) IN (SELECT * FROM unnest($1::name[], $2::name[]))
