-- Takes the largest task that is to do and that no other worker holds. The row stays locked until
-- the transaction ends, which is what holds the claim: it is gone with a worker that dies.
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
