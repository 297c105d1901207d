-- The tasks that failed and are not done, the latest first.
--
-- $1: the maximum number   $2: only those that failed since then; NULL for all
SELECT details.*, task.error
FROM __backfill.task
JOIN __backfill.task_details AS details USING (id)
WHERE task.worked IS NULL AND task.failed >= coalesce($2::timestamptz, '-infinity')
ORDER BY task.failed DESC, id
LIMIT $1::int
