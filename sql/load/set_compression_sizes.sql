-- Gives a compressed chunk the statistics of another one, which TimescaleDB's
-- create_compressed_chunk() cannot: it accepts no NULL, and no number of rows that were frozen
-- immediately.
--
-- $1: the chunk's qualified and quoted name
-- $2: a row of compression_chunk_size, from uncompressed_heap_size on; NULL to delete the row
WITH chunk AS (
    SELECT _timescaledb_functions.chunk_id_from_relid(to_regclass($1)) AS id
),
deleted AS (
    DELETE FROM _timescaledb_catalog.compression_chunk_size AS size
    USING chunk
    WHERE size.chunk_id = chunk.id AND $2::bigint[] IS NULL
)
UPDATE _timescaledb_catalog.compression_chunk_size AS size
SET uncompressed_heap_size = ($2::bigint[])[1],
    uncompressed_toast_size = ($2::bigint[])[2],
    uncompressed_index_size = ($2::bigint[])[3],
    compressed_heap_size = ($2::bigint[])[4],
    compressed_toast_size = ($2::bigint[])[5],
    compressed_index_size = ($2::bigint[])[6],
    numrows_pre_compression = ($2::bigint[])[7],
    numrows_post_compression = ($2::bigint[])[8],
    numrows_frozen_immediately = ($2::bigint[])[9]
FROM chunk
WHERE size.chunk_id = chunk.id AND $2::bigint[] IS NOT NULL
