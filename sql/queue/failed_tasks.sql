-- The tasks that failed and are not done, the latest first.
--
-- $1: the maximum number
SELECT chunk_schema, chunk_name, part, error
FROM __backfill.task
WHERE worked IS NULL AND failed IS NOT NULL
ORDER BY failed DESC, id
LIMIT $1::int
