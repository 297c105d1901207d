-- All hypertables, including TimescaleDB's internal ones: a row for each.
SELECT to_regclass(format('%I.%I', hypertable.schema_name, hypertable.table_name))::oid AS oid,
       hypertable.schema_name,
       hypertable.table_name,
       coalesce(cagg.user_view_schema, hypertable.schema_name) AS known_schema,
       coalesce(cagg.user_view_name, hypertable.table_name) AS known_name,
       cagg.mat_hypertable_id IS NOT NULL AS is_cagg,
       hypertable.num_dimensions = 0 AS is_internal,
       coalesce((SELECT json_agg(format('%I', tablespace_name) ORDER BY tablespace.id)
                 FROM _timescaledb_catalog.tablespace
                 WHERE tablespace.hypertable_id = hypertable.id), '[]') AS tablespaces,
       (SELECT count(*) FROM _timescaledb_catalog.chunk
        WHERE chunk.hypertable_id = hypertable.id) AS chunks
FROM _timescaledb_catalog.hypertable
LEFT JOIN _timescaledb_catalog.continuous_agg AS cagg ON cagg.mat_hypertable_id = hypertable.id
WHERE to_regclass(format('%I.%I', hypertable.schema_name, hypertable.table_name)) IS NOT NULL
ORDER BY 4, 5
