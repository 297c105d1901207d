-- The tasks that failed and are not done, the latest first.
--
-- $1: the maximum number   $2: only those that failed since then; NULL for all
SELECT chunk_schema, chunk_name, part, error
FROM __backfill.task
WHERE worked IS NULL AND failed >= coalesce($2::timestamptz, '-infinity')
ORDER BY failed DESC, id
LIMIT $1::int
