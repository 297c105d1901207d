-- What of a table of the catalog is about hypertables, not chunks, as JSON; NULL when there is nothing.
SELECT 'compression_settings' AS catalog_table,
       (SELECT json_agg(to_json(settings))
        FROM _timescaledb_catalog.compression_settings AS settings
        WHERE settings.relid IN
              (SELECT to_regclass(format('%I.%I', schema_name, table_name))
               FROM _timescaledb_catalog.hypertable)) AS rows
