-- The hypertables with settings for the granular refresh of continuous aggregates, from 2.29 on: a
-- row for each.
SELECT hypertable.schema_name, hypertable.table_name
FROM _timescaledb_catalog.hypertable_cagg_settings AS settings
JOIN _timescaledb_catalog.hypertable ON hypertable.id = settings.hypertable_id
ORDER BY 1, 2
