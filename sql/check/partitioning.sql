-- The dimensions and compression settings of hypertables: a row for each that exists.
--
-- $1, $2: schemas and names of the hypertables
SELECT hypertable.schema_name,
       hypertable.table_name,
       (SELECT jsonb_object_agg(dimension.column_name, CASE
                   WHEN dimension.num_slices IS NOT NULL
                       THEN format('%s partitions', dimension.num_slices)
                   WHEN coalesce(
                            (SELECT proc.prorettype
                             FROM pg_proc AS proc
                             JOIN pg_namespace AS proc_namespace
                               ON proc_namespace.oid = proc.pronamespace
                             WHERE proc_namespace.nspname = dimension.partitioning_func_schema
                               AND proc.proname = dimension.partitioning_func
                             LIMIT 1),
                            dimension.column_type::oid)
                        IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                       THEN dimension.interval_length::text
                   ELSE justify_hours(dimension.interval_length * interval '1 microsecond')::text
               END)
        FROM _timescaledb_catalog.dimension
        WHERE dimension.hypertable_id = hypertable.id) AS dimensions,
       -- NULL if compression is not enabled, see hypertables.sql
       CASE WHEN hypertable.compression_state = 1 OR hypertable.status & 4 = 4 THEN coalesce(
           (SELECT jsonb_build_object(
                       'segmentby', settings.segmentby, 'orderby', settings.orderby,
                       'orderby_desc', settings.orderby_desc,
                       'orderby_nullsfirst', settings.orderby_nullsfirst,
                       -- see hypertable_compression_settings.sql
                       'index', CASE WHEN jsonb_path_exists(to_jsonb(settings) -> 'index',
                                                            '$[*] ? (@.source == "config")')
                                THEN to_jsonb(settings) -> 'index' END)
            FROM _timescaledb_catalog.compression_settings AS settings
            WHERE settings.relid = class.oid), '{}') END AS compression,
       -- The GRANT statements that the role needs to create compressed tables, see chunks.sql.
       (SELECT coalesce(jsonb_agg(statement), '[]')
        FROM (SELECT CASE WHEN NOT has_schema_privilege(batches.schema_name, 'CREATE')
                         THEN format('GRANT CREATE ON SCHEMA %I TO %I', batches.schema_name,
                                     current_user) END
              UNION ALL
              SELECT CASE WHEN NOT pg_has_role(class.relowner, 'USAGE')
                         THEN format('GRANT %I TO %I', pg_get_userbyid(class.relowner),
                                     current_user) END
              UNION ALL
              SELECT CASE WHEN pg_get_userbyid(class.relowner) <> current_user
                               AND NOT current_setting('is_superuser')::boolean
                               AND NOT has_schema_privilege(class.relowner, batches.schema_name, 'CREATE')
                         THEN format('GRANT CREATE ON SCHEMA %I TO %I', batches.schema_name,
                                     pg_get_userbyid(class.relowner)) END) AS lacking (statement)
        WHERE statement IS NOT NULL) AS lacking_for_batches
FROM _timescaledb_catalog.hypertable
JOIN pg_namespace AS namespace ON namespace.nspname = hypertable.schema_name
JOIN pg_class AS class
  ON class.relnamespace = namespace.oid AND class.relname = hypertable.table_name
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT compressed.associated_schema_name
                     FROM _timescaledb_catalog.hypertable AS compressed
                     WHERE compressed.id = hypertable.compressed_hypertable_id),
                    hypertable.associated_schema_name) AS schema_name
    OFFSET 0) AS batches
WHERE (hypertable.schema_name, hypertable.table_name)
          IN (SELECT * FROM unnest($1::name[], $2::name[]))
