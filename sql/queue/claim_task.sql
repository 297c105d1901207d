-- Claims the largest task that is not done and that no other worker holds. The lock on the row is
-- the claim. It ends with the transaction, even if the worker is killed. Of tasks of the same size, the
-- last is claimed first, which usually is the newest chunk: before TimescaleDB creates a chunk, it reads
-- all slices of time that begin before the chunk's end (ts_dimension_slice_collision_scan_limit in its
-- src/dimension_slice.c).
--
-- $1: when this run began; tasks that failed since are left for the next run
-- $2: the id of the only task to claim; NULL for any task
SELECT *
FROM __backfill.task_details AS task
WHERE task.worked IS NULL
  AND (task.failed IS NULL OR task.failed < $1::timestamptz)
  AND ($2::bigint IS NULL OR task.id = $2::bigint)
ORDER BY task.bytes DESC, task.id DESC
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED
