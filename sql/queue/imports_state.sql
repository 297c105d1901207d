-- The state of files: a row for each. Run it in a statement after lock_imports.sql, which waits for batches
-- that are being committed: this one sees them.
--
-- $1, $2: schema and name of the table   $3: the files' names
SELECT import.id, import.name, import.head, import.head_bytes, import.size, import.tail,
       import.options,
       done.records IS NOT NULL AS is_begun, -- a part of it is loaded
       import.finished,
       coalesce(done.records, 0) AS records,
       coalesce(done.rows, 0) AS rows,
       coalesce(done.rejected, 0) AS rejected,
       coalesce(done.conflicts, 0) AS conflicts,
       coalesce(done.updated, 0) AS updated,
       coalesce(done.terminated, true) AS terminated,
       -- the same file under another name, loaded at least in part
       (SELECT other.name
        FROM __backfill.import AS other
        WHERE (other.table_schema, other.table_name) = (import.table_schema, import.table_name)
          AND other.id <> import.id
          AND (other.size, other.head, other.head_bytes, other.tail)
              = (import.size, import.head, import.head_bytes, import.tail)
          AND EXISTS (SELECT FROM __backfill.import_batch WHERE import_batch.import = other.id)
        ORDER BY other.id
        LIMIT 1) AS twin
FROM __backfill.import
LEFT JOIN LATERAL (
    SELECT sum(records)::bigint AS records, sum(rows)::bigint AS rows,
           sum(rejected)::bigint AS rejected, sum(conflicts)::bigint AS conflicts,
           sum(updated)::bigint AS updated, bool_and(terminated) AS terminated
    FROM __backfill.import_batch
    WHERE import_batch.import = import.id
) AS done ON true
WHERE (import.table_schema, import.table_name) = ($1::name, $2::name)
  AND import.name = ANY ($3::text[])
ORDER BY import.id
