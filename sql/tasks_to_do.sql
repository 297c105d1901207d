-- All tasks that are to do, in the order in which they are claimed, without claiming them.
SELECT task.id, task.hypertable_schema, task.hypertable_name, task.target_schema,
       task.target_name, task.chunk_schema, task.chunk_name, task.part, task.slices,
       task.snapshot, task.bytes,
       task.range @> int8multirange(task.slice) AS whole,
       (SELECT jsonb_agg(jsonb_build_array(lower(part), upper(part)) ORDER BY part)
        FROM unnest(task.range) AS part) AS ranges
FROM __backfill.task
WHERE task.worked IS NULL
ORDER BY task.bytes DESC, task.id
