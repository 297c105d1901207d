-- The catalogs' estimates of how many rows chunks have: from the last ANALYZE (or autovacuum), and
-- from compression. NULL if there was neither. No row for a chunk that does not exist.
--
-- $1: the chunks' qualified and quoted names; number is the index of a name in this array, from 1
SELECT wanted.number,
       (CASE WHEN pg_relation_size(class.oid) = 0 THEN 0
             -- compressed (1) and not partial (8): CHUNK_STATUS_* in TimescaleDB's src/chunk.h
             WHEN chunk.status & (1 | 8) = 1 THEN 0
             -- never analyzed: -1, or 0 rows and 0 pages before PostgreSQL 14
             WHEN class.reltuples > 0 OR class.relpages > 0 THEN class.reltuples
        END
        + CASE WHEN chunk.status & 1 = 1 THEN size.numrows_pre_compression ELSE 0 END)::bigint
           AS rows
FROM (SELECT number, to_regclass(name)::oid AS relid
      FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
      OFFSET 0) AS wanted
JOIN pg_class AS class ON class.oid = wanted.relid
JOIN _timescaledb_catalog.chunk
  ON chunk.id = _timescaledb_functions.chunk_id_from_relid(wanted.relid)
LEFT JOIN _timescaledb_catalog.compression_chunk_size AS size ON size.chunk_id = chunk.id
