-- How tables are defined, but for their columns' types: a row for each that is there. They are found
-- by joins, for to_regclass() fails in a schema that is closed to the role.
--
-- $1, $2: schemas and names of the tables
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', index_class.relname,
                   'unique', index.indisunique,
                   'valid', index.indisvalid,
                   -- from USING on: the table's name may be another one
                   'definition', substr(pg_get_indexdef(index.indexrelid),
                       length(format('CREATE %sINDEX %I ON %s%I.%I ',
                                     CASE WHEN index.indisunique THEN 'UNIQUE ' END,
                                     index_class.relname,
                                     CASE WHEN class.relkind = 'p' THEN 'ONLY ' END,
                                     namespace.nspname,
                                     class.relname)) + 1))
                   ORDER BY index_class.relname), '[]')
        FROM pg_index AS index
        JOIN pg_class AS index_class ON index_class.oid = index.indexrelid
        WHERE index.indrelid = class.oid AND index.indislive AND NOT index.indisexclusion)
           AS indexes,
       -- primary keys and unique constraints are among the indexes; NOT NULL, a constraint from
       -- PostgreSQL 18 on, is below
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', pg_constraint.conname,
                   'kind', pg_constraint.contype,
                   'definition', regexp_replace(pg_get_constraintdef(pg_constraint.oid),
                                                ' NOT VALID$', ''))
                   ORDER BY pg_constraint.conname), '[]')
        FROM pg_constraint
        WHERE pg_constraint.conrelid = class.oid
          AND pg_constraint.contype IN ('c', 'f', 'x')) AS constraints,
       (SELECT coalesce(jsonb_agg(attribute.attname ORDER BY attribute.attname), '[]')
        FROM pg_attribute AS attribute
        WHERE attribute.attrelid = class.oid AND attribute.attnum > 0
          AND NOT attribute.attisdropped AND attribute.attnotnull) AS not_null,
       -- those of users: TimescaleDB's own call functions of its schemas
       (SELECT coalesce(jsonb_agg(trigger.tgname ORDER BY trigger.tgname), '[]')
        FROM pg_trigger AS trigger
        JOIN pg_proc AS proc ON proc.oid = trigger.tgfoid
        JOIN pg_namespace AS proc_namespace ON proc_namespace.oid = proc.pronamespace
        WHERE trigger.tgrelid = class.oid AND NOT trigger.tgisinternal
          AND trigger.tgenabled <> 'D'
          AND proc_namespace.nspname NOT IN ('_timescaledb_functions', '_timescaledb_internal'))
           AS triggers
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE (namespace.nspname, class.relname) IN (SELECT * FROM unnest($1::name[], $2::name[]))
