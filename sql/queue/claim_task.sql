-- Claims the largest task that is not done and that no other worker holds. The lock on the row is
-- the claim; it ends with the transaction, also if the worker dies.
--
-- $1: when this run began; a task that failed since is left for the next run
-- $2: a task's id, to take that one and no other; NULL for any
SELECT *
FROM __backfill.task_details AS task
WHERE task.worked IS NULL
  AND (task.failed IS NULL OR task.failed < $1::timestamptz)
  AND ($2::bigint IS NULL OR task.id = $2::bigint)
ORDER BY task.bytes DESC, task.id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED
