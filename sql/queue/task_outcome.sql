-- What became of a task, if it is finished or has failed.
--
-- $1: the task's id   $2, $3: the run and the worker that must have had it last
SELECT details.*, coalesce(task.rows_copied, 0) AS rows_copied,
       coalesce(task.batches_copied, 0) AS batches_copied,
       coalesce(task.bytes_copied, 0) AS bytes_copied, coalesce(task.seconds, 0) AS seconds,
       task.message, CASE WHEN task.worked IS NULL THEN task.error END AS error
FROM __backfill.task_details AS details
JOIN __backfill.task USING (id)
WHERE id = $1::bigint AND task.run = $2::bigint AND task.worker = $3::int
  AND (task.worked IS NOT NULL OR task.failed IS NOT NULL)
