-- The next 1,000 chunks that are copied, of some hypertables, except those in whose place the source
-- has another chunk, with a task of its own.
--
-- $1, $2: schemas and names of the hypertables in the source
-- $3: the last id that was returned, or 0
SELECT task.id, task.chunk_schema, task.chunk_name
FROM __backfill.task
WHERE task.worked IS NOT NULL AND NOT task.skipped AND task.part = ''
  AND (task.hypertable_schema, task.hypertable_name)
      IN (SELECT schema_name, table_name
          FROM unnest($1::name[], $2::name[]) AS hypertable (schema_name, table_name))
  AND task.id > $3::bigint
  AND NOT EXISTS (SELECT FROM __backfill.task AS other
                  WHERE other.target_schema = task.target_schema
                    AND other.target_name = task.target_name
                    AND other.slices = task.slices AND other.id <> task.id)
ORDER BY task.id
LIMIT 1000
