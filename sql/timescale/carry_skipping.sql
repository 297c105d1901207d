-- Records the source's ranges of values for a chunk that has the source's batches, if they are
-- valid there, so that the chunk is skipped as in the source. Changes nothing if the chunk has other
-- rows as well.
--
-- $1: the chunk's qualified and quoted name
-- $2: {"column": [range_start, range_end, valid] or null, ...}
UPDATE _timescaledb_catalog.chunk_column_stats AS stats
SET range_start = (source.value ->> 0)::bigint, range_end = (source.value ->> 1)::bigint
FROM jsonb_each($2::jsonb) AS source, _timescaledb_catalog.chunk
WHERE chunk.id = _timescaledb_functions.chunk_id_from_relid(to_regclass($1))
  AND stats.hypertable_id = chunk.hypertable_id AND stats.chunk_id = chunk.id
  AND stats.column_name = source.key
  AND stats.valid AND (source.value ->> 2)::boolean
  AND chunk.status & 9 = 1
