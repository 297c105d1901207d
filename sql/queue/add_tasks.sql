-- Adds tasks to the queue. A chunk has only one task: if the task already covers the range, it does not
-- change, unless it is not done and has another snapshot; otherwise its range grows, and the chunk is
-- copied again. Returns a row for each task that was added or changed.
--
-- $1: a JSON array of objects with the columns of __backfill.task; ranges are
--     clipped to the slice; state is that of the source's chunk
-- $2: whether chunks that have changed since they were copied, or may have, are queued to be mended
WITH given AS (
    SELECT task.*
    FROM jsonb_to_recordset($1::jsonb) AS task (
        hypertable_schema name, hypertable_name name, target_schema name, target_name name,
        cagg_schema name, cagg_name name, chunk_schema name, chunk_name name, part text,
        slices jsonb, time_type text, slice_start bigint, slice_end bigint, range_from bigint,
        range_until bigint, snapshot text, bytes bigint, rows_estimate bigint, state text)
)
INSERT INTO __backfill.task AS task
    (hypertable_schema, hypertable_name, target_schema, target_name, cagg_schema, cagg_name,
     chunk_schema, chunk_name, part, slices, time_type, slice, range, snapshot, bytes, rows_estimate)
SELECT given.hypertable_schema, given.hypertable_name, given.target_schema, given.target_name,
       given.cagg_schema, given.cagg_name, given.chunk_schema, given.chunk_name, given.part,
       given.slices, given.time_type, int8range(given.slice_start, given.slice_end),
       int8multirange(int8range(given.range_from, given.range_until)),
       given.snapshot, given.bytes, given.rows_estimate
FROM given
-- ON CONFLICT would lock, and so wait for, rows that do not change.
WHERE NOT EXISTS (
    SELECT FROM __backfill.task AS covering
    WHERE covering.chunk_schema = given.chunk_schema AND covering.chunk_name = given.chunk_name
      AND covering.part = given.part
      AND covering.range @> int8range(given.range_from, given.range_until)
      AND CASE WHEN covering.worked IS NULL
               THEN covering.snapshot IS NOT DISTINCT FROM given.snapshot
               ELSE NOT $2 OR coalesce(covering.source_state = given.state, false) END)
ON CONFLICT (chunk_schema, chunk_name, part) DO UPDATE
SET range = task.range + excluded.range,
    snapshot = excluded.snapshot,
    bytes = excluded.bytes,
    rows_estimate = excluded.rows_estimate,
    staged = clock_timestamp(),
    mend = task.worked IS NOT NULL AND task.range @> excluded.range,
    worked = NULL,
    skipped = false,
    message = NULL,
    failed = NULL,
    error = NULL,
    compared = NULL,
    verified = NULL,
    compared_by = NULL,
    difference = NULL
RETURNING hypertable_schema, hypertable_name, bytes, xmax = 0 AS added, mend AS changed
