-- Claims the largest copied task that is not verified yet and that no other worker holds, as
-- claim_task.sql does for copying. Tasks that were skipped because their chunk was gone have
-- nothing to compare.
--
-- $1: when this run began; tasks that were compared since are not claimed again
SELECT *
FROM __backfill.task_details AS task
WHERE task.worked IS NOT NULL
  AND NOT task.skipped
  AND task.verified IS NULL
  AND (task.compared IS NULL OR task.compared < $1::timestamptz)
ORDER BY task.bytes DESC, task.id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED
