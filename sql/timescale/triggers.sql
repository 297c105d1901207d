-- The triggers and constraints that apply to rows inserted into or deleted from hypertables: a row for
-- each hypertable that exists. Hypertables are found by joins, because to_regclass() fails for a schema
-- without USAGE.
--
-- $1, $2: schemas and names of the hypertables
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       -- Chunks have all of these. TimescaleDB creates them enabled, whatever their state is on the
       -- hypertable (ts_trigger_create_all_on_chunk in TimescaleDB's src/trigger.c).
       user_trigger.of_rows,
       -- there are row triggers for UPDATE only (bits of tgtype as below; 16 is UPDATE)
       EXISTS (SELECT FROM pg_trigger
               WHERE tgrelid = class.oid AND NOT tgisinternal AND tgtype & 29 = 17) AS of_updates,
       -- including triggers for other events
       EXISTS (SELECT FROM pg_trigger
               WHERE tgrelid = class.oid AND NOT tgisinternal AND tgtype & 1 = 1
                 AND tgname NOT IN ('ts_cagg_invalidation_trigger', 'ts_insert_blocker'))
           AS are_on_chunks,
       -- enabled statement triggers, which fire for statements that name the hypertable
       user_trigger.of_statements,
       -- before TimescaleDB 2.23, a trigger records invalidations
       EXISTS (SELECT FROM pg_trigger
               WHERE tgrelid = class.oid AND tgname = 'ts_cagg_invalidation_trigger')
           AS records_invalidations,
       -- why session_replication_role = replica cannot be used to suppress triggers
       CASE
           WHEN user_trigger.always IS NOT NULL
               THEN format('the trigger %I fires in replica mode, too', user_trigger.always)
           WHEN EXISTS (SELECT FROM pg_constraint WHERE confrelid = class.oid AND contype = 'f')
               THEN 'a foreign key references the hypertable'
           WHEN EXISTS (SELECT FROM pg_constraint
                        WHERE conrelid = class.oid AND contype IN ('p', 'u', 'x') AND condeferrable)
               THEN 'a deferrable constraint would not be checked'
           WHEN EXISTS (SELECT FROM jsonb_array_elements(foreign_key.list) AS key
                        WHERE NOT (key ->> 'checkable')::boolean)
               THEN 'the role may not check the foreign keys'
       END AS replica_obstacle,
       -- The keys that new rows must satisfy, with what it takes to check them as RI_Initial_Check in
       -- PostgreSQL's src/backend/utils/adt/ri_triggers.c does. "row" is the hypertable's row, and
       -- "key" the referenced one.
       foreign_key.list AS foreign_keys,
       -- NOT VALID: existing rows need not satisfy these, but inserted rows must.
       (SELECT coalesce(jsonb_agg(conname ORDER BY conname), '[]')
        FROM pg_constraint
        WHERE conrelid = class.oid AND contype IN ('c', 'n') AND NOT convalidated)
           AS unvalidated_checks,
       (SELECT coalesce(jsonb_agg(conname ORDER BY conname), '[]')
        FROM pg_constraint
        WHERE conrelid = class.oid AND contype = 'f' AND NOT convalidated)
           AS unvalidated_foreign_keys
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(trigger.tgname ORDER BY trigger.tgname) FILTER (WHERE trigger.of_rows),
                    '[]') AS of_rows,
           coalesce(jsonb_agg(trigger.tgname ORDER BY trigger.tgname)
                    FILTER (WHERE NOT trigger.of_rows AND trigger.tgenabled IN ('O', 'A')),
                    '[]') AS of_statements,
           min(trigger.tgname::text) FILTER (WHERE trigger.tgenabled IN ('A', 'R')) AS always
    -- bits of tgtype, from src/include/catalog/pg_trigger.h: 1 for each row, 4 INSERT, 8 DELETE
    FROM (SELECT tgname, tgenabled, tgtype & 1 = 1 AS of_rows, tgfoid
          FROM pg_trigger
          WHERE tgrelid = class.oid AND NOT tgisinternal AND tgtype & 12 <> 0) AS trigger
    JOIN pg_proc AS proc ON proc.oid = trigger.tgfoid
    JOIN pg_namespace AS proc_namespace ON proc_namespace.oid = proc.pronamespace
    WHERE proc_namespace.nspname NOT IN ('_timescaledb_functions', '_timescaledb_internal')
) AS user_trigger
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'name', pg_constraint.conname,
               'referenced', format('%s%I.%I', CASE WHEN referenced.relkind <> 'p' THEN 'ONLY ' END,
                                    referenced_namespace.nspname, referenced.relname),
               'match', columns.match,
               'columns', columns.list,
               'not_null', columns.not_null,
               -- locking the referenced rows requires UPDATE, too
               'checkable', has_schema_privilege(referenced_namespace.oid, 'USAGE')
                            AND has_table_privilege(referenced.oid, 'SELECT')
                            AND has_table_privilege(referenced.oid, 'UPDATE')
                            AND NOT coalesce((to_jsonb(pg_constraint) ->> 'conperiod')::boolean,
                                             false))
               ORDER BY pg_constraint.conname), '[]') AS list
    FROM pg_constraint
    JOIN pg_class AS referenced ON referenced.oid = pg_constraint.confrelid
    JOIN pg_namespace AS referenced_namespace ON referenced_namespace.oid = referenced.relnamespace
    CROSS JOIN LATERAL (
        SELECT string_agg(format('key.%I OPERATOR(%I.%s) row.%I', key_column.attname,
                                 operator_namespace.nspname, operator.oprname,
                                 row_column.attname)
                          || CASE WHEN row_column.attcollation <> key_column.attcollation
                                  THEN format(' COLLATE %I.%I', collation_namespace.nspname,
                                              collation_.collname) ELSE '' END,
                          ' AND ' ORDER BY pair.place) AS match,
               string_agg(format('row.%I', row_column.attname), ', ' ORDER BY pair.place) AS list,
               string_agg(format('row.%I IS NOT NULL', row_column.attname),
                          CASE pg_constraint.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END
                          ORDER BY pair.place) AS not_null
        FROM unnest(pg_constraint.conkey, pg_constraint.confkey, pg_constraint.conpfeqop)
                 WITH ORDINALITY AS pair (own, referenced, operator, place)
        JOIN pg_attribute AS row_column
          ON row_column.attrelid = pg_constraint.conrelid AND row_column.attnum = pair.own
        JOIN pg_attribute AS key_column
          ON key_column.attrelid = pg_constraint.confrelid AND key_column.attnum = pair.referenced
        JOIN pg_operator AS operator ON operator.oid = pair.operator
        JOIN pg_namespace AS operator_namespace ON operator_namespace.oid = operator.oprnamespace
        LEFT JOIN pg_collation AS collation_ ON collation_.oid = key_column.attcollation
        LEFT JOIN pg_namespace AS collation_namespace
               ON collation_namespace.oid = collation_.collnamespace
    ) AS columns
    WHERE pg_constraint.conrelid = class.oid AND pg_constraint.contype = 'f'
      AND pg_constraint.convalidated AND pg_constraint.conparentid = 0
) AS foreign_key
WHERE (namespace.nspname, class.relname) IN (SELECT * FROM unnest($1::name[], $2::name[]))
