-- Every hypertable of the database, including materialization hypertables. The internal ones that
-- hold compressed data before TimescaleDB 2.28 have no dimensions and are left out.
--
-- $1: a case-insensitive POSIX regular expression for the schema.name of a hypertable or of a
--     continuous aggregate's view, with or without quotes; NULL matches all
SELECT hypertable.id,
       hypertable.schema_name,
       hypertable.table_name,
       cagg.user_view_schema AS cagg_schema,
       cagg.user_view_name AS cagg_name,
       -- the hypertable that the aggregate reads: for an aggregate on an aggregate, the
       -- latter's materialization hypertable
       cagg.raw_hypertable_id AS parent_id,
       ($1::text IS NULL
        OR format('%I.%I', known_as.schema, known_as.name) ~* $1
        OR concat(known_as.schema, '.', known_as.name) ~* $1) AS matches,
       time_dimension.id AS time_dimension_id,
       time_dimension.column_name AS time_column,
       time_dimension.function AS time_function,
       time_dimension.interval_length AS chunk_interval,
       format_type(coalesce(time_dimension.function_type, time_dimension.column_type), NULL)
           AS time_type,
       -- compression_state is not maintained from 2.28 on; bit 4 of status replaces it
       -- (TimescaleDB's src/hypertable.h)
       (hypertable.compression_state = 1 OR hypertable.status & 4 = 4) AS compression_enabled,
       -- from 2.29 on (TimescaleDB's src/ts_catalog/catalog.h)
       hypertable.status & 8 = 8 AS direct_compress,
       -- the hypertable and chunks with this access method, which exists from 2.18 to 2.21; elsewhere,
       -- the chunks need not be read
       CASE WHEN EXISTS (SELECT FROM pg_am WHERE amname = 'hypercore') THEN (
           SELECT jsonb_agg(jsonb_build_array(storage_namespace.nspname, storage.relname)
                            ORDER BY storage.oid)
           FROM (SELECT class.oid
                 UNION ALL
                 SELECT inhrelid FROM pg_inherits WHERE inhparent = class.oid) AS own
           JOIN pg_class AS storage ON storage.oid = own.oid
           JOIN pg_am AS access_method
             ON access_method.oid = storage.relam AND access_method.amname = 'hypercore'
           JOIN pg_namespace AS storage_namespace
             ON storage_namespace.oid = storage.relnamespace) END AS hypercore_tables,
       dimensions.list AS dimensions,
       columns.list AS columns,
       -- columns of the primary key, or of some unique index
       (SELECT jsonb_agg(attribute.attname ORDER BY attribute.attnum)
        FROM (SELECT * FROM pg_index
              WHERE pg_index.indrelid = class.oid
                AND pg_index.indisunique AND pg_index.indpred IS NULL
                AND pg_index.indexprs IS NULL
              ORDER BY pg_index.indisprimary DESC, pg_index.indexrelid LIMIT 1) AS index
        JOIN pg_attribute AS attribute
          ON attribute.attrelid = index.indrelid
         AND attribute.attnum = ANY (index.indkey)) AS key,
       -- the columns that precede the time in the primary key, or in the index that has most of them
       (SELECT first_parts.columns
        FROM pg_index
        JOIN pg_class AS index_class ON index_class.oid = pg_index.indexrelid
        JOIN pg_am AS index_method
          ON index_method.oid = index_class.relam AND index_method.amname = 'btree'
        CROSS JOIN LATERAL (
            SELECT jsonb_agg(attribute.attname ORDER BY part.number) AS columns
            FROM (SELECT part.attnum, part.number,
                         -- zero is an expression
                         bool_or(part.attnum = 0 OR part.attnum = time_attribute.attnum)
                             OVER (ORDER BY part.number) AS is_behind
                  FROM unnest(pg_index.indkey::int2[]) WITH ORDINALITY AS part (attnum, number)
                  WHERE part.number <= pg_index.indnkeyatts) AS part
            JOIN pg_attribute AS attribute
              ON attribute.attrelid = class.oid AND attribute.attnum = part.attnum
            WHERE NOT part.is_behind
        ) AS first_parts
        WHERE pg_index.indrelid = class.oid AND pg_index.indpred IS NULL
          AND first_parts.columns IS NOT NULL
        ORDER BY pg_index.indisprimary DESC, jsonb_array_length(first_parts.columns) DESC,
                 pg_index.indexrelid
        LIMIT 1) AS before_time_in_index,
       tiered.chunks AS tiered_chunks
FROM _timescaledb_catalog.hypertable
-- by joins, because to_regclass() fails for a schema without USAGE
JOIN pg_namespace AS namespace ON namespace.nspname = hypertable.schema_name
JOIN pg_class AS class
  ON class.relnamespace = namespace.oid AND class.relname = hypertable.table_name
LEFT JOIN _timescaledb_catalog.continuous_agg AS cagg
       ON cagg.mat_hypertable_id = hypertable.id
CROSS JOIN LATERAL (
    SELECT coalesce(cagg.user_view_schema, hypertable.schema_name) AS schema,
           coalesce(cagg.user_view_name, hypertable.table_name) AS name
) AS known_as
CROSS JOIN LATERAL (
    -- the first open dimension is the time that bounds and ranges refer to
    SELECT dimension.id, dimension.column_name, dimension.column_type, dimension.interval_length,
           CASE WHEN dimension.partitioning_func IS NOT NULL
                THEN format('%I.%I', dimension.partitioning_func_schema,
                                     dimension.partitioning_func) END AS function,
           (SELECT proc.prorettype
            FROM pg_proc AS proc JOIN pg_namespace AS namespace
              ON namespace.oid = proc.pronamespace
            WHERE namespace.nspname = dimension.partitioning_func_schema
              AND proc.proname = dimension.partitioning_func
            LIMIT 1) AS function_type
    FROM _timescaledb_catalog.dimension
    WHERE dimension.hypertable_id = hypertable.id AND dimension.interval_length IS NOT NULL
    ORDER BY dimension.id
    LIMIT 1
) AS time_dimension
JOIN pg_attribute AS time_attribute
  ON time_attribute.attrelid = class.oid AND time_attribute.attname = time_dimension.column_name
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
               'column', dimension.column_name,
               'closed', dimension.num_slices IS NOT NULL,
               'function', CASE WHEN dimension.partitioning_func IS NOT NULL
                                THEN format('%I.%I', dimension.partitioning_func_schema,
                                                     dimension.partitioning_func) END,
               'type', CASE WHEN dimension.id = time_dimension.id
                            THEN format_type(coalesce(time_dimension.function_type,
                                                      dimension.column_type), NULL)
                            ELSE format_type(dimension.column_type, NULL) END)
               ORDER BY dimension.id) AS list
    FROM _timescaledb_catalog.dimension
    WHERE dimension.hypertable_id = hypertable.id
) AS dimensions
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'name', attribute.attname,
               'type', format_type(attribute.atttypid, attribute.atttypmod),
               'generated', attribute.attgenerated <> '',
               -- the hash of an enum depends on these
               'labels', (SELECT md5(string_agg(format('%s %s', label.oid, label.enumlabel), ','
                                                ORDER BY label.enumsortorder))
                          FROM pg_enum AS label
                          WHERE label.enumtypid IN (type.oid, type.typbasetype, type.typelem)))
               ORDER BY attribute.attnum), '[]') AS list
    FROM pg_attribute AS attribute
    JOIN pg_type AS type ON type.oid = attribute.atttypid
    WHERE attribute.attrelid = class.oid
      AND attribute.attnum > 0 AND NOT attribute.attisdropped
) AS columns
CROSS JOIN LATERAL (
    -- chunks in object storage, a foreign table that this program cannot read
    SELECT count(*) AS chunks
    FROM _timescaledb_catalog.chunk
    WHERE chunk.hypertable_id = hypertable.id AND chunk.osm_chunk
) AS tiered
WHERE hypertable.num_dimensions > 0
ORDER BY known_as.schema, known_as.name
