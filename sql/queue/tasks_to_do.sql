-- All tasks that are to do, in the order in which they are claimed, without claiming them.
SELECT *
FROM __backfill.task_details AS task
WHERE task.worked IS NULL
ORDER BY task.bytes DESC, task.id
