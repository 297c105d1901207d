-- Records chunks for chunk skipping by a column, with unlimited ranges, as TimescaleDB does when it
-- creates a chunk (ts_chunk_column_stats_insert in its src/ts_catalog/chunk_column_stats.c).
--
-- $1, $2: the hypertable's schema and name
-- $3: the column
INSERT INTO _timescaledb_catalog.chunk_column_stats
    (hypertable_id, chunk_id, column_name, range_start, range_end, valid)
SELECT hypertable.id, chunk.id, $3::name, -9223372036854775808, 9223372036854775807, true
FROM _timescaledb_catalog.hypertable
JOIN _timescaledb_catalog.chunk ON chunk.hypertable_id = hypertable.id
WHERE hypertable.schema_name = $1::name AND hypertable.table_name = $2::name
  AND to_jsonb(chunk) ->> 'dropped' IS DISTINCT FROM 'true'
  AND to_jsonb(chunk) ->> 'osm_chunk' IS DISTINCT FROM 'true'
ON CONFLICT DO NOTHING
