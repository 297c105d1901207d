-- The user tables and sequences of the source, with the privileges to dump them: a row for each.
-- Tables of extensions and the queue are left out.
--
-- $1: OIDs of further tables to leave out: chunks
SELECT class.oid,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       class.relkind AS kind,
       CASE WHEN class.relkind IN ('r', 'm') THEN coalesce(pg_table_size(class.oid), 0) ELSE 0 END
           AS bytes,
       CASE WHEN class.relkind = 'S' THEN has_sequence_privilege(class.oid, 'SELECT')
            ELSE has_table_privilege(class.oid, 'SELECT') END AS may_select,
       has_schema_privilege(namespace.oid, 'USAGE') AS may_use_schema,
       row_security_active(class.oid) AS row_security,
       -- zero if its rows cannot be read by their pages (timescale::reads_page_ranges)
       CASE WHEN pg_am.amname = 'heap' AND current_setting('server_version_num')::int >= 140000
            THEN coalesce(pg_relation_size(class.oid), 0) / current_setting('block_size')::bigint
            ELSE 0 END AS pages,
       -- columns whose values are copied
       EXISTS (SELECT FROM pg_attribute
               WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '')
           AS has_columns,
       class.oid IN (SELECT unnest(ARRAY[conrelid, confrelid]) FROM pg_constraint
                     WHERE contype = 'f' AND conrelid <> confrelid) AS in_foreign_keys,
       class.relpersistence = 'u' AS is_unlogged,
       -- reading it fails: cannot access temporary or unlogged relations during recovery
       class.relpersistence = 'u' AND pg_is_in_recovery() AS is_unreadable
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
LEFT JOIN pg_am ON pg_am.oid = class.relam
WHERE class.relkind IN ('r', 'p', 'm', 'S', 'f')
  AND namespace.nspname NOT LIKE 'pg\_%'
  AND namespace.nspname NOT IN ('information_schema', '__backfill', '__backfill_clone')
  AND class.oid NOT IN (SELECT unnest($1::oid[]))
  AND NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
ORDER BY 2, 3
