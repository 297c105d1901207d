-- The settings of a hypertable's new compressed chunks: one row, or none if nothing is set.
--
-- $1: the hypertable's qualified and quoted name
SELECT jsonb_build_object(
           'segmentby', settings.segmentby, 'orderby', settings.orderby,
           'orderby_desc', settings.orderby_desc,
           'orderby_nullsfirst', settings.orderby_nullsfirst,
           -- Sparse indexes, from 2.22 on. If none are set explicitly, they are chosen when a chunk is
           -- compressed; before, only those for the orderby columns are listed here
           -- (SparseIndexSource in src/ts_catalog/compression_settings.h).
           'index', CASE WHEN jsonb_path_exists(to_jsonb(settings) -> 'index',
                                                '$[*] ? (@.source == "config")')
                    THEN to_jsonb(settings) -> 'index' END) AS compression_settings
FROM _timescaledb_catalog.compression_settings AS settings
WHERE settings.relid = to_regclass($1)
