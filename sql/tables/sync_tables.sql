-- The plain tables of a database: a row for each table and partitioned table, except partitions, chunks,
-- and tables of extensions and of this program. Hypertables are included, and marked.
--
-- $1, $2: schemas and names of the hypertables   $3: OIDs of the chunks and their compressed tables
-- $4: a case-insensitive POSIX regular expression for schema.name, with or without quotes; NULL
--     matches all
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       ($4::text IS NULL
        OR format('%I.%I', namespace.nspname, class.relname) ~* $4
        OR concat(namespace.nspname, '.', class.relname) ~* $4) AS matches,
       hypertable.name IS NOT NULL AS is_hypertable,
       class.relkind = 'p' AS is_partitioned,
       -- reading it fails: cannot access temporary or unlogged relations during recovery
       class.relpersistence = 'u' AND pg_is_in_recovery() AS is_unreadable,
       pg_get_userbyid(class.relowner) AS owner,
       pg_has_role(class.relowner, 'USAGE') AS is_owner,
       has_schema_privilege(namespace.oid, 'USAGE') AS may_use_schema,
       has_table_privilege(class.oid, 'SELECT') AS may_select,
       has_table_privilege(class.oid, 'INSERT') AND has_table_privilege(class.oid, 'UPDATE')
           AS may_write,
       has_table_privilege(class.oid, 'DELETE') AS may_delete,
       row_security_active(class.oid) AS row_security,
       EXISTS (SELECT FROM pg_rewrite
               WHERE pg_rewrite.ev_class = class.oid AND pg_rewrite.ev_enabled IN ('O', 'A'))
           AS has_rules,
       (SELECT coalesce(sum(pg_table_size(member.relid)), 0)::bigint
        FROM (SELECT class.oid WHERE class.relkind = 'r'
              UNION ALL
              SELECT relid FROM pg_partition_tree(class.oid)
              WHERE class.relkind = 'p' AND isleaf) AS member (relid)) AS bytes,
       -- the tables that have the rows, as regclass prints them with pg_catalog as search_path
       (SELECT jsonb_agg(jsonb_build_array(leaf_namespace.nspname, leaf.relname) ORDER BY leaf.oid)
        FROM (SELECT class.oid WHERE class.relkind = 'r'
              UNION ALL
              SELECT relid FROM pg_partition_tree(class.oid)
              WHERE class.relkind = 'p' AND isleaf) AS member (relid)
        JOIN pg_class AS leaf ON leaf.oid = member.relid
        JOIN pg_namespace AS leaf_namespace ON leaf_namespace.oid = leaf.relnamespace) AS leaves,
       (WITH RECURSIVE ancestor AS (
            SELECT inhparent FROM pg_inherits WHERE inhrelid = class.oid
            UNION
            SELECT pg_inherits.inhparent
            FROM ancestor
            JOIN pg_inherits ON pg_inherits.inhrelid = ancestor.inhparent)
        SELECT coalesce(jsonb_agg(jsonb_build_array(parent_namespace.nspname, parent.relname)), '[]')
        FROM ancestor
        JOIN pg_class AS parent ON parent.oid = ancestor.inhparent
        JOIN pg_namespace AS parent_namespace ON parent_namespace.oid = parent.relnamespace)
           AS ancestors,
       -- Keys: the primary key first, then the unique indexes by size. The operators are those of the
       -- indexes.
       (SELECT coalesce(jsonb_agg(jsonb_build_object('columns', key.columns, 'equals', key.equals,
                                                     'is_integer', key.is_integer)
                                  ORDER BY key.indisprimary DESC, key.size, key.indexrelid), '[]')
        FROM (SELECT index.indexrelid, index.indisprimary, sum(attribute.attlen) AS size,
                     jsonb_agg(attribute.attname ORDER BY part.place) AS columns,
                     jsonb_agg(part.equals ORDER BY part.place) AS equals,
                     bool_and(attribute.atttypid IN (20, 21, 23)) AND count(*) = 1 AS is_integer
              FROM pg_index AS index
              CROSS JOIN LATERAL (
-- include postgres/key_columns.inc
              ) AS part
              JOIN pg_attribute AS attribute
                ON attribute.attrelid = class.oid AND attribute.attnum = part.attnum
              WHERE index.indrelid = class.oid AND index.indisunique AND index.indisvalid
                AND index.indimmediate AND index.indpred IS NULL AND index.indexprs IS NULL
              GROUP BY index.indexrelid, index.indisprimary, index.indnkeyatts
              HAVING bool_and(attribute.attnotnull AND attribute.attgenerated = '')
                 AND count(*) = index.indnkeyatts) AS key) AS keys,
       EXISTS (SELECT FROM pg_index
               WHERE pg_index.indrelid = class.oid AND NOT pg_index.indimmediate)
           AS has_deferrable_key,
       -- columns of unique and exclusion constraints; all columns if one has expressions or
       -- generated columns
       (SELECT coalesce(jsonb_agg(DISTINCT attribute.attname), '[]')
        FROM pg_index AS index
        JOIN pg_attribute AS attribute
          ON attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
         AND attribute.attgenerated = ''
         AND (attribute.attnum = ANY (index.indkey) OR index.indexprs IS NOT NULL
              OR EXISTS (SELECT FROM pg_attribute AS generated
                         WHERE generated.attrelid = class.oid AND generated.attgenerated <> ''
                           AND generated.attnum = ANY (index.indkey)))
        WHERE index.indrelid = class.oid AND (index.indisunique OR index.indisexclusion))
           AS unique_columns,
       -- columns that no UPDATE may set
       (SELECT coalesce(jsonb_agg(attribute.attname), '[]')
        FROM pg_attribute AS attribute
        WHERE attribute.attrelid = class.oid AND attribute.attidentity = 'a'
          AND NOT attribute.attisdropped) AS fixed_columns,
       triggers.suspend,
       triggers.resume
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
LEFT JOIN unnest($1::name[], $2::name[]) AS hypertable (schema, name)
       ON hypertable.schema = namespace.nspname AND hypertable.name = class.relname
-- The statements that keep users' triggers from firing, and that restore their states; NULL without
-- such triggers. Disabling a trigger of a partitioned table disables its copies in the partitions
-- (up to PostgreSQL 14, these are internal, and cannot be changed by themselves).
CROSS JOIN LATERAL (
    SELECT string_agg(format('ALTER TABLE %I.%I DISABLE TRIGGER %I', trigger_namespace.nspname,
                             trigger_class.relname, trigger.tgname), '; '
                      ORDER BY trigger.tgrelid = class.oid DESC, trigger.oid)
               FILTER (WHERE trigger.tgenabled IN ('O', 'A')) AS suspend,
           string_agg(format('ALTER TABLE %I.%I %s TRIGGER %I', trigger_namespace.nspname,
                             trigger_class.relname,
                             CASE trigger.tgenabled WHEN 'D' THEN 'DISABLE'
                                                    WHEN 'R' THEN 'ENABLE REPLICA'
                                                    WHEN 'A' THEN 'ENABLE ALWAYS'
                                                    ELSE 'ENABLE' END, trigger.tgname), '; '
                      ORDER BY trigger.tgrelid = class.oid DESC, trigger.oid) AS resume
    FROM (SELECT class.oid
          UNION
          SELECT relid FROM pg_partition_tree(class.oid) WHERE class.relkind = 'p') AS member (relid)
    JOIN pg_trigger AS trigger ON trigger.tgrelid = member.relid
    JOIN pg_class AS trigger_class ON trigger_class.oid = trigger.tgrelid
    JOIN pg_namespace AS trigger_namespace ON trigger_namespace.oid = trigger_class.relnamespace
    WHERE NOT trigger.tgisinternal
      -- INSERT, DELETE or UPDATE: src/include/catalog/pg_trigger.h
      AND trigger.tgtype & 28 <> 0
) AS triggers
WHERE class.relkind IN ('r', 'p') AND NOT class.relispartition
  AND class.relpersistence <> 't'
  AND namespace.nspname NOT LIKE 'pg\_%'
  AND namespace.nspname NOT LIKE '\_timescaledb\_%'
  AND namespace.nspname NOT IN ('information_schema', 'timescaledb_information',
                                'timescaledb_experimental', '__backfill', '__backfill_clone')
  AND class.oid NOT IN (SELECT unnest($3::oid[]))
  AND NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
ORDER BY 1, 2
