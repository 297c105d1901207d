-- Claims further tasks to copy together with a small one that claim_task.sql has claimed: of the
-- same hypertable and snapshot, no larger, and not so many that none are left for other workers.
--
-- $1: when this run began; tasks that failed since are left for the next run
-- $2, $3, $4, $5, $6: hypertable_schema, hypertable_name, snapshot, bytes and id of the claimed one
-- $7: the maximum number of tasks
-- $8: the number of workers of this run
--
-- `next` has enough tasks for every worker to hold as many. Without it, the planner, which knows neither
-- the limit nor how few tasks the conditions leave out, would read and sort all tasks with all columns.
WITH next AS MATERIALIZED (
    SELECT id
    FROM __backfill.task
    WHERE worked IS NULL
      AND (failed IS NULL OR failed < $1::timestamptz)
      AND hypertable_schema = $2 AND hypertable_name = $3
      AND snapshot IS NOT DISTINCT FROM $4
      AND (bytes, id) < ($5::bigint, $6::bigint)
    ORDER BY bytes DESC, id DESC
    LIMIT $7::bigint * $8::bigint * 2
)
SELECT *
FROM __backfill.task_details AS task
WHERE task.id IN (SELECT id FROM next)
  AND task.worked IS NULL
  AND (task.failed IS NULL OR task.failed < $1::timestamptz)
ORDER BY task.bytes DESC, task.id DESC
LIMIT (SELECT count(*) / ($8::bigint * 2)
       FROM (SELECT FROM __backfill.task WHERE worked IS NULL
             ORDER BY bytes DESC, id DESC -- by an index, which need not be read to its end
             LIMIT $7::bigint * $8::bigint * 2) AS counted) -- so at most $7
FOR NO KEY UPDATE SKIP LOCKED
