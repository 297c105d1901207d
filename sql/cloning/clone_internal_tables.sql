-- The tables and views that TimescaleDB has created itself, without chunks: a row for each.
SELECT schema_name, table_name
FROM _timescaledb_catalog.hypertable
WHERE num_dimensions = 0
   OR id IN (SELECT mat_hypertable_id FROM _timescaledb_catalog.continuous_agg)
UNION ALL
SELECT partial_view_schema, partial_view_name FROM _timescaledb_catalog.continuous_agg
UNION ALL
SELECT direct_view_schema, direct_view_name FROM _timescaledb_catalog.continuous_agg
ORDER BY 1, 2
