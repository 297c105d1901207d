-- All tasks that are not done, in the order in which they are claimed.
SELECT *
FROM __backfill.task_details AS task
WHERE task.worked IS NULL
ORDER BY task.bytes DESC, task.id DESC
