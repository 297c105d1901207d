-- Claims further tasks to copy together with a small one that claim_task.sql has claimed: of the
-- same hypertable and snapshot, no larger, and not so many that none are left for other workers.
--
-- $1: when this run began; tasks that failed since are left for the next run
-- $2, $3, $4, $5, $6: hypertable_schema, hypertable_name, snapshot, bytes and id of the claimed one
-- $7: the maximum number of tasks
-- $8: the number of workers of this run
SELECT *
FROM __backfill.task_details AS task
WHERE task.worked IS NULL
  AND (task.failed IS NULL OR task.failed < $1::timestamptz)
  AND task.hypertable_schema = $2 AND task.hypertable_name = $3
  AND task.snapshot IS NOT DISTINCT FROM $4
  AND task.bytes <= $5::bigint AND task.id <> $6::bigint
ORDER BY task.bytes DESC, task.id
LIMIT least($7::bigint,
            (SELECT count(*) / ($8::bigint * 2) FROM __backfill.task WHERE worked IS NULL))
FOR NO KEY UPDATE SKIP LOCKED
