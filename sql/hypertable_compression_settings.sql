-- What new compressed chunks of a hypertable get: one row, or none when nothing is set.
--
-- $1: the hypertable's qualified and quoted name
SELECT jsonb_build_object(
           'segmentby', settings.segmentby, 'orderby', settings.orderby,
           'orderby_desc', settings.orderby_desc,
           'orderby_nullsfirst', settings.orderby_nullsfirst,
           'index', to_jsonb(settings) -> 'index') AS compression_settings
FROM _timescaledb_catalog.compression_settings AS settings
WHERE settings.relid = to_regclass($1)
