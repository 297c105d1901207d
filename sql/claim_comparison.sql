-- Takes the largest copied task that is to be verified and that no other worker holds, as
-- claim_task.sql does for copying. Tasks that were skipped, for their chunk was gone, have nothing
-- to compare.
--
-- $1: when this run began; a task that was compared since is done with
SELECT task.id, task.hypertable_schema, task.hypertable_name, task.target_schema,
       task.target_name, task.chunk_schema, task.chunk_name, task.part, task.slices,
       task.snapshot, task.bytes,
       task.range @> int8multirange(task.slice) AS whole,
       (SELECT jsonb_agg(jsonb_build_array(lower(part), upper(part)) ORDER BY part)
        FROM unnest(task.range) AS part) AS ranges
FROM __backfill.task
WHERE task.worked IS NOT NULL
  AND NOT task.skipped
  AND task.verified IS NULL
  AND (task.compared IS NULL OR task.compared < $1::timestamptz)
ORDER BY task.bytes DESC, task.id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED
