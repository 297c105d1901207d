-- What of two tables of the catalog is about hypertables, not chunks, as JSON: a row each, NULL when
-- there is nothing.
SELECT 'compression_settings' AS catalog_table,
       (SELECT json_agg(to_json(settings))
        FROM _timescaledb_catalog.compression_settings AS settings
        WHERE settings.relid IN
              (SELECT to_regclass(format('%I.%I', schema_name, table_name))
               FROM _timescaledb_catalog.hypertable)) AS rows
UNION ALL
SELECT 'chunk_column_stats',
       (SELECT json_agg(to_json(stats))
        FROM _timescaledb_catalog.chunk_column_stats AS stats
        WHERE coalesce(stats.chunk_id, 0) = 0)
