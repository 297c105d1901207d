-- Makes the rest of the transaction put every row into the chunk of its hypercube, which
-- TimescaleDB does not always do. TimescaleDB looks up chunks that it has used before in a tree of
-- slices, one level for each dimension, and takes any slice that contains the beginning of a chunk
-- for that chunk's (ts_subspace_store_add in src/subspace_store.c). Where slices of one dimension
-- overlap, as after set_chunk_time_interval() in a hypertable with space partitions, rows then go
-- into a chunk of other slices. INSERT, and COPY on 2.19.3, then fail with the chunk's constraint;
-- COPY on 2.29.2 leaves rows where queries do not find them. With room for one chunk, the tree has
-- no other slices. An INSERT that alternates between chunks then takes about four times as long, so
-- this is only done if slices overlap or may come to overlap.
--
-- $1, $2: the hypertable's schema and name
--
-- The first setting precedes the second one, because the other order warns in the server's log
-- (validate_chunk_cache_sizes in src/guc.c).
SELECT set_config('timescaledb.max_open_chunks_per_insert', '1', true),
       set_config('timescaledb.max_cached_chunks_per_hypertable', '1', true)
FROM _timescaledb_catalog.hypertable
WHERE hypertable.schema_name = $1::name AND hypertable.table_name = $2::name
  AND (hypertable.num_dimensions > 2
       -- Of two, the first level is that of time. Its slices cannot overlap if all of them are where
       -- new ones would be (calculate_open_range_default in src/dimension.c).
       OR hypertable.num_dimensions = 2
          AND EXISTS (SELECT
                      FROM _timescaledb_catalog.dimension
                      JOIN _timescaledb_catalog.dimension_slice AS slice
                        ON slice.dimension_id = dimension.id
                      WHERE dimension.hypertable_id = hypertable.id
                        AND dimension.num_slices IS NULL
                        AND (slice.range_start % dimension.interval_length <> 0
                             OR slice.range_start::numeric + dimension.interval_length
                                <> slice.range_end)))
