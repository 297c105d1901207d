-- How hypertables are cut and compressed: a row for each that is there.
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
       -- NULL when compression is not enabled, see hypertables.sql
       CASE WHEN hypertable.compression_state = 1 OR hypertable.status & 4 = 4 THEN coalesce(
           (SELECT jsonb_build_object(
                       'segmentby', settings.segmentby, 'orderby', settings.orderby,
                       'orderby_desc', settings.orderby_desc,
                       'orderby_nullsfirst', settings.orderby_nullsfirst)
            FROM _timescaledb_catalog.compression_settings AS settings
            WHERE settings.relid = class.oid), '{}') END AS compression
FROM _timescaledb_catalog.hypertable
JOIN pg_namespace AS namespace ON namespace.nspname = hypertable.schema_name
JOIN pg_class AS class
  ON class.relnamespace = namespace.oid AND class.relname = hypertable.table_name
WHERE (hypertable.schema_name, hypertable.table_name)
          IN (SELECT * FROM unnest($1::name[], $2::name[]))
