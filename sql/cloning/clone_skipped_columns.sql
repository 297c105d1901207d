-- The columns for which chunk skipping is enabled.
SELECT hypertable.schema_name, hypertable.table_name, stats.column_name
FROM _timescaledb_catalog.chunk_column_stats AS stats
JOIN _timescaledb_catalog.hypertable ON hypertable.id = stats.hypertable_id
-- The row of the hypertable itself has no chunk; before 2.21, it has chunk 0.
WHERE stats.chunk_id IS NULL OR stats.chunk_id = 0
ORDER BY hypertable.schema_name, hypertable.table_name, stats.column_name
