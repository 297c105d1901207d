-- All tasks whose chunks are copied, in the order of their hypertables and times.
SELECT task.id, task.hypertable_schema, task.hypertable_name, task.target_schema,
       task.target_name, task.chunk_schema, task.chunk_name, task.part, task.slices,
       task.snapshot, task.bytes,
       task.range @> int8multirange(task.slice) AS whole,
       (SELECT jsonb_agg(jsonb_build_array(lower(part), upper(part)) ORDER BY part)
        FROM unnest(task.range) AS part) AS ranges,
       -- Nothing is left out but what is to come: of that, dual-writes give both sides the same.
       task.range @> int8multirange(int8range(lower(task.slice), upper(task.range)))
           AS from_its_beginning
FROM __backfill.task
WHERE task.worked IS NOT NULL AND NOT task.skipped
ORDER BY task.hypertable_schema, task.hypertable_name, task.slice, task.id
