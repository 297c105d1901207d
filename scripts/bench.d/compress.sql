-- Compresses the data of measures.sql.
SET synchronous_commit = off;
ALTER TABLE measure SET (timescaledb.compress, timescaledb.compress_segmentby = 'host',
                         timescaledb.compress_orderby = 'time');
SELECT count(compress_chunk(chunk)) FROM show_chunks('measure') AS chunk;
VACUUM (FREEZE, ANALYZE) measure;
