-- Claims further tasks to verify together with a small one that claim_comparison.sql has claimed,
-- as claim_more_tasks.sql does for copying.
--
-- $1: when this run began; tasks that were compared since are not claimed again
-- $2, $3, $4, $5, $6: hypertable_schema, hypertable_name, snapshot, bytes and id of the claimed one
-- $7: the maximum number of tasks
-- $8: the number of workers of this run
WITH next AS MATERIALIZED (
    SELECT id
    FROM __backfill.task
    WHERE worked IS NOT NULL AND NOT skipped AND verified IS NULL
      AND (compared IS NULL OR compared < $1::timestamptz)
      AND hypertable_schema = $2 AND hypertable_name = $3
      AND snapshot IS NOT DISTINCT FROM $4
      AND bytes <= $5::bigint AND (bytes < $5::bigint OR id > $6::bigint)
    ORDER BY bytes DESC, id
    LIMIT $7::bigint * $8::bigint * 2
)
SELECT *
FROM __backfill.task_details AS task
WHERE task.id IN (SELECT id FROM next)
  AND task.worked IS NOT NULL
  AND NOT task.skipped
  AND task.verified IS NULL
  AND (task.compared IS NULL OR task.compared < $1::timestamptz)
ORDER BY task.bytes DESC, task.id
LIMIT (SELECT count(*) / ($8::bigint * 2)
       FROM (SELECT FROM __backfill.task AS other
             WHERE other.worked IS NOT NULL AND NOT other.skipped AND other.verified IS NULL
             ORDER BY other.bytes DESC, other.id
             LIMIT $7::bigint * $8::bigint * 2) AS counted) -- so at most $7
FOR NO KEY UPDATE SKIP LOCKED
