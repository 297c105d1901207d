-- What chunks.sql omits about compressed chunks: a row for each whose compressed table exists. See
-- chunks_in_range.sql for why catalog rows are read as JSON.
--
-- $1: the chunks' qualified and quoted names; number is the index of a name in this array, from 1
WITH chunk AS (
    SELECT class.number, chunk.id, class.oid AS relid, compressed.relid::oid AS compressed_relid
    FROM (SELECT number, to_regclass(name)::oid AS oid
          FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
          OFFSET 0) AS class
    JOIN _timescaledb_catalog.chunk
      ON chunk.id = _timescaledb_functions.chunk_id_from_relid(class.oid)
    CROSS JOIN LATERAL (
-- include timescale/compressed_table.inc
    ) AS compressed
    WHERE chunk.status & 1 = 1
)
SELECT chunk.number,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       coalesce(pg_relation_size(class.oid) = 0, true) AS no_batches,
       has_table_privilege(class.oid, 'SELECT') AS may_read,
       (SELECT encode(sha256(textsend(string_agg(
                   (attname, atttypid, atttypmod, attgenerated, attcollation, attstorage,
                    attstattarget, atthasmissing)::text, ' ' ORDER BY attnum))), 'hex')
        FROM pg_attribute
        WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped) AS signature,
       array_to_string(class.reloptions, ', ') AS options,
       -- From USING on. pg_get_indexdef() is called only once for each index, because its result is
       -- NULL after the index is dropped.
       (SELECT coalesce(jsonb_agg(substr(
                   index.definition,
                   length(format('CREATE INDEX %I ON %I.%I ', index.relname,
                                 namespace.nspname, class.relname)) + 1)
                   ORDER BY index.relname), '[]')
        FROM (SELECT index_class.relname, pg_get_indexdef(index_class.oid) AS definition
              FROM pg_index
              JOIN pg_class AS index_class ON index_class.oid = pg_index.indexrelid
              WHERE pg_index.indrelid = class.oid
              OFFSET 0) AS index
        -- indexes whose definition is not valid UTF-8 are left out (columns.sql)
        WHERE encode(textsend(index.definition), 'hex')
                  ~ '^([0-7].|[cd].[89ab].|e.([89ab].){2}|f.([89ab].){3})*$'
       ) AS indexes,
       -- relid is the compressed table before 2.19, and the chunk from then on
       (SELECT jsonb_build_object(
                   'segmentby', settings.segmentby, 'orderby', settings.orderby,
                   'orderby_desc', settings.orderby_desc,
                   'orderby_nullsfirst', settings.orderby_nullsfirst,
                   'index', to_jsonb(settings) -> 'index')
        FROM _timescaledb_catalog.compression_settings AS settings
        WHERE settings.relid IN (chunk.relid, chunk.compressed_relid)) AS settings,
       (SELECT jsonb_build_array(
                   size.uncompressed_heap_size, size.uncompressed_toast_size,
                   size.uncompressed_index_size, size.compressed_heap_size,
                   size.compressed_toast_size, size.compressed_index_size,
                   size.numrows_pre_compression, size.numrows_post_compression,
                   size.numrows_frozen_immediately)
        FROM _timescaledb_catalog.compression_chunk_size AS size
        WHERE size.chunk_id = chunk.id) AS sizes,
       class.relfilenode <> pg_relation_filenode(class.oid) AS rewritten
FROM chunk
JOIN pg_class AS class ON class.oid = chunk.compressed_relid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
