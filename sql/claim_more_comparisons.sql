-- Takes further tasks to verify together with one that claim_comparison.sql has taken and that is
-- small, as claim_more_tasks.sql does for copying.
--
-- $1: when this run began; a task that was compared since is done with
-- $2: the id of the task that is claimed
-- $3: at most so many
-- $4: workers of this run
SELECT task.id, task.hypertable_schema, task.hypertable_name, task.target_schema,
       task.target_name, task.chunk_schema, task.chunk_name, task.slices, task.snapshot,
       task.bytes,
       task.range @> int8multirange(task.slice) AS whole,
       (SELECT jsonb_agg(jsonb_build_array(lower(part), upper(part)) ORDER BY part)
        FROM unnest(task.range) AS part) AS ranges
FROM __backfill.task
JOIN __backfill.task AS first ON first.id = $2::bigint
WHERE task.worked IS NOT NULL
  AND NOT task.skipped
  AND task.verified IS NULL
  AND (task.compared IS NULL OR task.compared < $1::timestamptz)
  AND task.id <> first.id
  AND task.bytes <= first.bytes
  AND (task.hypertable_schema, task.hypertable_name)
      = (first.hypertable_schema, first.hypertable_name)
  AND task.snapshot IS NOT DISTINCT FROM first.snapshot
ORDER BY task.bytes DESC, task.id
LIMIT least($3::bigint,
            (SELECT count(*) / ($4::bigint * 2)
             FROM __backfill.task AS other
             WHERE other.worked IS NOT NULL AND NOT other.skipped AND other.verified IS NULL))
FOR NO KEY UPDATE OF task SKIP LOCKED
