-- The files that are, or were, imported, with what is loaded of each.
SELECT import.table_schema, import.table_name, import.name,
       import.error,
       CASE WHEN import.error IS NOT NULL THEN 'failed'
            WHEN import.finished IS NOT NULL THEN 'finished'
            WHEN lock.objid IS NOT NULL THEN 'loading'
            WHEN done.records IS NOT NULL THEN 'unfinished'
            ELSE 'not begun'
       END AS state,
       coalesce(done.records, 0) AS records,
       coalesce(done.rows, 0) AS rows,
       coalesce(done.rejected, 0) AS rejected,
       coalesce(done.conflicts, 0) AS conflicts,
       coalesce(done.updated, 0) AS updated,
       coalesce(done.bytes, 0) AS bytes
FROM __backfill.import
LEFT JOIN (
    SELECT import_batch.import AS id, sum(records)::bigint AS records, sum(rows)::bigint AS rows,
           sum(rejected)::bigint AS rejected, sum(conflicts)::bigint AS conflicts,
           sum(updated)::bigint AS updated, sum("until" - "from")::bigint AS bytes
    FROM __backfill.import_batch
    GROUP BY import_batch.import
) AS done USING (id)
-- that of reserve_imports.sql
LEFT JOIN pg_locks AS lock
  ON lock.locktype = 'advisory' AND lock.objsubid = 2 AND lock.granted
     AND lock.classid = hashtext('__backfill.import')::oid
     AND lock.objid = import.id::int::oid
     AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY import.table_schema, import.table_name, import.name
