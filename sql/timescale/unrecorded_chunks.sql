-- Chunks that are not recorded for chunk skipping by a column, so that filters by it miss their
-- rows: a row for each hypertable and column with such chunks.
--
-- $1, $2: schemas and names of the hypertables
WITH tracked AS (
    SELECT hypertable.id AS hypertable_id, hypertable.schema_name, hypertable.table_name,
           stats.column_name
    FROM unnest($1::name[], $2::name[]) AS wanted (schema_name, table_name)
    JOIN _timescaledb_catalog.hypertable USING (schema_name, table_name)
    JOIN _timescaledb_catalog.chunk_column_stats AS stats
      ON stats.hypertable_id = hypertable.id
     -- the hypertable's own entry
     AND (stats.chunk_id IS NULL OR stats.chunk_id = 0)
)
SELECT tracked.schema_name, tracked.table_name, tracked.column_name,
       count(*) AS chunks,
       -- the hypertable's owner may not write to TimescaleDB's catalog by default
       has_table_privilege('_timescaledb_catalog.chunk_column_stats', 'INSERT')
           AND has_sequence_privilege('_timescaledb_catalog.chunk_column_stats_id_seq', 'USAGE')
           AS may_record
FROM tracked
JOIN _timescaledb_catalog.chunk ON chunk.hypertable_id = tracked.hypertable_id
WHERE NOT EXISTS (SELECT FROM _timescaledb_catalog.chunk_column_stats AS own
                  WHERE own.hypertable_id = tracked.hypertable_id AND own.chunk_id = chunk.id
                    AND own.column_name = tracked.column_name)
  -- up to 2.25, chunks that were dropped but whose aggregates are kept
  AND to_jsonb(chunk) ->> 'dropped' IS DISTINCT FROM 'true'
  -- tiered data is found by other means
  AND to_jsonb(chunk) ->> 'osm_chunk' IS DISTINCT FROM 'true'
GROUP BY tracked.schema_name, tracked.table_name, tracked.column_name
ORDER BY tracked.schema_name, tracked.table_name, tracked.column_name
