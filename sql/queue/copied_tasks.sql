-- All tasks whose chunks are copied, in the order of their hypertables and times.
SELECT details.*,
       -- The last chunk may end after --until; there, dual-writes put the same rows on both sides.
       task.range @> int8multirange(int8range(lower(task.slice), upper(task.range)))
           AS from_its_beginning
FROM __backfill.task_details AS details
JOIN __backfill.task USING (id)
WHERE task.worked IS NOT NULL AND NOT task.skipped
ORDER BY task.hypertable_schema, task.hypertable_name, task.slice, task.id
