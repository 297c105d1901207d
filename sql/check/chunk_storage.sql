-- The sizes and row counts of chunks: a row for each that exists. See chunks_in_range.sql for why
-- catalog rows are read as JSON, and TimescaleDB's src/chunk.h for status: 1 is compressed, 8 is
-- partial (CHUNK_STATUS_*).
--
-- $1: the chunks' qualified and quoted names; number is the position in this array, from 1
SELECT wanted.number,
       chunk.status & 1 = 1 AS compressed,
       coalesce(pg_indexes_size(wanted.relid), 0)
           + coalesce(pg_indexes_size(compressed.relid), 0) AS index_bytes,
       -- size before compression, including indexes
       coalesce(size.uncompressed_heap_size + size.uncompressed_toast_size
                + size.uncompressed_index_size, 0) AS uncompressed_bytes,
       coalesce(pg_relation_size(wanted.relid), 0) = 0
           AND coalesce(pg_relation_size(compressed.relid), 0) = 0 AS empty,
       -- the estimate of ANALYZE, or the count of the cumulative statistics; NULL if neither is
       -- known. Compression does not change these counts.
       CASE WHEN pg_relation_size(wanted.relid) = 0 OR chunk.status & (1 | 8) = 1 THEN 0
            WHEN class.reltuples > 0 OR pg_stat_get_live_tuples(wanted.relid) > 0
            THEN greatest(class.reltuples::bigint, pg_stat_get_live_tuples(wanted.relid))
       END
       + CASE WHEN chunk.status & 1 = 1 THEN coalesce(size.numrows_pre_compression, 0) ELSE 0 END
           AS rows
FROM (SELECT number, to_regclass(name)::oid AS relid
      FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
      OFFSET 0) AS wanted
JOIN pg_class AS class ON class.oid = wanted.relid
JOIN _timescaledb_catalog.chunk
  ON chunk.id = _timescaledb_functions.chunk_id_from_relid(wanted.relid)
LEFT JOIN _timescaledb_catalog.compression_chunk_size AS size ON size.chunk_id = chunk.id
LEFT JOIN LATERAL (
-- include timescale/compressed_table.inc
) AS compressed ON chunk.status & 1 = 1
