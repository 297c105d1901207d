-- The table to import into: one row, or none if there is no such table.
--
-- $1, $2: its schema and name
SELECT class.relkind,
       hypertable.id IS NOT NULL AND hypertable.relid = class.oid AS is_hypertable,
       hypertable.id IS NOT NULL AND hypertable.relid <> class.oid AS is_chunk,
       row_security_active(class.oid) AS row_security,
       current_user AS role,
       current_database() AS database,
       has_database_privilege(current_database(), 'TEMPORARY') AS may_create_temporary,
       has_table_privilege(class.oid, 'SELECT') AS may_select,
       has_schema_privilege(namespace.oid, 'USAGE') AS may_use_schema,
       (to_regnamespace('__backfill') IS NOT NULL
        OR has_database_privilege(current_database(), 'CREATE')) AS may_have_queue,
       columns.list AS columns,
       -- a column was dropped, or has another number in a chunk
       EXISTS (SELECT
               FROM pg_attribute AS attribute
               WHERE attribute.attrelid = class.oid
                 AND attribute.attnum > 0 AND attribute.attisdropped)
       OR EXISTS (SELECT
                  FROM pg_inherits
                  JOIN pg_attribute AS attribute ON attribute.attrelid = pg_inherits.inhrelid
                  WHERE pg_inherits.inhparent = class.oid AND attribute.attnum > 0
                    AND NOT EXISTS (SELECT
                                    FROM pg_attribute AS own
                                    WHERE own.attrelid = class.oid
                                      AND (own.attname, own.attnum)
                                          = (attribute.attname, attribute.attnum))) AS rearranged
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
-- the hypertable that the table is, or is a chunk of
LEFT JOIN LATERAL (
    SELECT hypertable.id, relation.oid AS relid
    FROM pg_class AS relation
    JOIN pg_namespace AS relation_namespace ON relation_namespace.oid = relation.relnamespace
    JOIN _timescaledb_catalog.hypertable
      ON (hypertable.schema_name, hypertable.table_name)
         = (relation_namespace.nspname, relation.relname)
    WHERE relation.oid = class.oid
       OR relation.oid IN (SELECT inhparent FROM pg_inherits WHERE inhrelid = class.oid)
    LIMIT 1
) AS hypertable ON true
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'name', attribute.attname,
               'type', format_type(attribute.atttypid, attribute.atttypmod),
               'generated', attribute.attgenerated <> '',
               'is_identity_always', attribute.attidentity = 'a',
               'has_default', attribute.atthasdef OR attribute.attidentity <> '',
               -- its type, or that under its domains
               'base_type', (
                   WITH RECURSIVE base AS (
                       SELECT attribute.atttypid AS id
                       UNION ALL
                       SELECT type.typbasetype
                       FROM base
                       JOIN pg_type AS type ON type.oid = base.id
                       WHERE type.typtype = 'd')
                   SELECT format_type(base.id, NULL)
                   FROM base
                   JOIN pg_type AS type ON type.oid = base.id
                   WHERE type.typtype <> 'd'),
               'is_of_time', EXISTS (
                   -- also in arrays, ranges and domains
                   WITH RECURSIVE part AS (
                       SELECT attribute.atttypid AS id
                       UNION
                       SELECT inner_type.id
                       FROM part
                       JOIN pg_type AS type ON type.oid = part.id
                       LEFT JOIN pg_range AS range ON part.id IN (rngtypid, rngmultitypid)
                       CROSS JOIN unnest(ARRAY[typbasetype, typelem, rngsubtype]) AS inner_type (id))
                   SELECT
                   FROM part
                   WHERE id IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype,
                                'timetz'::regtype)),
               'has_decimals', EXISTS (
                   -- in an array, range or composite type, or money
                   WITH RECURSIVE part AS (
                       SELECT attribute.atttypid AS id
                       UNION
                       SELECT inner_type.id
                       FROM part
                       JOIN pg_type AS type ON type.oid = part.id
                       LEFT JOIN pg_range AS range ON part.id IN (rngtypid, rngmultitypid)
                       CROSS JOIN LATERAL (
                           SELECT unnest(ARRAY[typbasetype, typelem, rngsubtype])
                           UNION ALL
                           SELECT atttypid
                           FROM pg_attribute
                           WHERE attrelid = type.typrelid AND attnum > 0 AND NOT attisdropped
                       ) AS inner_type (id))
                   SELECT
                   FROM part
                   WHERE id IN ('real'::regtype, 'float8'::regtype, 'numeric'::regtype,
                                'money'::regtype)),
               'may_insert', has_column_privilege(class.oid, attribute.attnum, 'INSERT'),
               'may_select', has_column_privilege(class.oid, attribute.attnum, 'SELECT'),
               'may_update', has_column_privilege(class.oid, attribute.attnum, 'UPDATE'))
               ORDER BY attribute.attnum), '[]') AS list
    FROM pg_attribute AS attribute
    WHERE attribute.attrelid = class.oid
      AND attribute.attnum > 0 AND NOT attribute.attisdropped
) AS columns
WHERE namespace.nspname = $1::name AND class.relname = $2::name
