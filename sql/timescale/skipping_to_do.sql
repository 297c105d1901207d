-- The target's hypertables with tasks that are not done, and with columns for chunk skipping.
SELECT DISTINCT task.target_schema, task.target_name
FROM __backfill.task
JOIN _timescaledb_catalog.hypertable
  ON hypertable.schema_name = task.target_schema AND hypertable.table_name = task.target_name
JOIN _timescaledb_catalog.chunk_column_stats AS stats ON stats.hypertable_id = hypertable.id
WHERE task.worked IS NULL
