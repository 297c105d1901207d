-- Updates the names and slices of chunks and hypertables in existing tasks: they may have been
-- renamed, merged or split since. Whether the tasks are done does not change.
--
-- $1: as for add_tasks.sql
UPDATE __backfill.task
SET hypertable_schema = given.hypertable_schema, hypertable_name = given.hypertable_name,
    target_schema = given.target_schema, target_name = given.target_name,
    cagg_schema = given.cagg_schema, cagg_name = given.cagg_name,
    slices = given.slices, slice = int8range(given.slice_start, given.slice_end)
FROM jsonb_to_recordset($1::jsonb) AS given (
    hypertable_schema name, hypertable_name name, target_schema name, target_name name,
    cagg_schema name, cagg_name name, chunk_schema name, chunk_name name, part text,
    slices jsonb, slice_start bigint, slice_end bigint)
WHERE task.chunk_schema = given.chunk_schema AND task.chunk_name = given.chunk_name
  AND task.part = given.part
  AND (task.hypertable_schema, task.hypertable_name, task.target_schema, task.target_name,
       task.cagg_schema, task.cagg_name, task.slices)
      IS DISTINCT FROM
      (given.hypertable_schema, given.hypertable_name, given.target_schema, given.target_name,
       given.cagg_schema, given.cagg_name, given.slices)
