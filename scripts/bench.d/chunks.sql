-- The chunks of the hypertable, newest first, one line of JSON each: its name, the table with
-- its data (the compressed table if there is one), that table's columns, and the columns
-- whose sum does not depend on the order of addition. See sql/timescale/chunks.sql for how a compressed table
-- is found in every version.
SELECT jsonb_build_object(
           'id', chunk.id,
           'name', inherits.inhrelid::regclass,
           'table', stored.relid::regclass,
           'columns', jsonb_agg(quote_ident(attribute.attname) ORDER BY attribute.attnum),
           'summed', jsonb_agg(quote_ident(attribute.attname) ORDER BY attribute.attnum)
                     FILTER (WHERE attribute.atttypid IN ('int'::regtype, 'bigint'::regtype)))
FROM pg_inherits AS inherits
JOIN _timescaledb_catalog.chunk
  ON chunk.id = _timescaledb_functions.chunk_id_from_relid(inherits.inhrelid)
CROSS JOIN LATERAL (
    SELECT coalesce(
        (SELECT to_regclass(to_jsonb(settings) ->> 'compress_relid')
         FROM _timescaledb_catalog.compression_settings AS settings
         WHERE settings.relid = inherits.inhrelid),
        (SELECT to_regclass(format('%I.%I', to_jsonb(inner_chunk) ->> 'schema_name',
                                            to_jsonb(inner_chunk) ->> 'table_name'))
         FROM _timescaledb_catalog.chunk AS inner_chunk
         WHERE inner_chunk.id = (to_jsonb(chunk) ->> 'compressed_chunk_id')::int),
        inherits.inhrelid) AS relid
) AS stored
JOIN pg_attribute AS attribute
  ON attribute.attrelid = stored.relid AND attribute.attnum > 0 AND NOT attribute.attisdropped
WHERE inherits.inhparent = 'measure'::regclass
GROUP BY chunk.id, inherits.inhrelid, stored.relid
ORDER BY chunk.id DESC
