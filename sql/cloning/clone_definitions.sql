-- The definitions of hypertables and continuous aggregates, without TimescaleDB's internal
-- hypertables: a row for each, in an order in which they can be created. Names are quoted, and
-- column lists are as the options of ALTER TABLE ... SET (timescaledb. ...) take them.
--
-- quote_all_identifiers must be on, so that queries and indexes are as pg_dump writes them.
-- The catalog rows are read as JSON where columns come and go, see chunks_in_range.sql.
WITH RECURSIVE level (id, depth) AS (
    SELECT hypertable.id, 0
    FROM _timescaledb_catalog.hypertable
    WHERE hypertable.num_dimensions > 0
      AND hypertable.id NOT IN (SELECT mat_hypertable_id FROM _timescaledb_catalog.continuous_agg)
    UNION ALL
    SELECT cagg.mat_hypertable_id, level.depth + 1
    FROM level
    JOIN _timescaledb_catalog.continuous_agg AS cagg ON cagg.raw_hypertable_id = level.id
), function AS (
    -- the functions that TimescaleDB finds by the names in its catalog
    SELECT procedure.oid, procedure.pronargs, procedure.proargtypes[0] AS argument_type,
           namespace.nspname AS schema_name, procedure.proname AS name
    FROM pg_proc AS procedure
    JOIN pg_namespace AS namespace ON namespace.oid = procedure.pronamespace
), dimension AS (
    SELECT hypertable_id,
           json_agg(json_build_object(
               'column', column_name,
               'is_uuid', column_type = 'uuid'::regtype,
               'partitions', num_slices,
               'interval', interval_length::text,
               'has_function', has_function,
               'function',
               CASE WHEN has_function
                    THEN (SELECT oid::regprocedure::text FROM function
                          WHERE schema_name = partitioning_func_schema
                            AND name = partitioning_func
                            AND pronargs = 1
                            AND argument_type IN (column_type::oid, 'anyelement'::regtype)
                          ORDER BY argument_type = column_type::oid DESC LIMIT 1) END,
               'integer_now_name',
               CASE WHEN integer_now_func <> ''
                    THEN format('%I.%I', integer_now_func_schema, integer_now_func) END,
               'integer_now',
               (SELECT oid::regprocedure::text FROM function
                WHERE schema_name = integer_now_func_schema AND name = integer_now_func
                  AND pronargs = 0))
               ORDER BY id) AS list,
           max(compress_interval_length) AS compress_interval
    FROM _timescaledb_catalog.dimension
    CROSS JOIN LATERAL (
        SELECT coalesce(partitioning_func <> 'get_partition_hash'
                        OR partitioning_func_schema NOT LIKE '\_timescaledb\_%', false)
                   AS has_function
    ) AS known
    GROUP BY hypertable_id
)
SELECT class.oid,
       hypertable.schema_name,
       hypertable.table_name,
       cagg.user_view_schema AS view_schema,
       cagg.user_view_name AS view_name,
       CASE WHEN hypertable.associated_schema_name <> '_timescaledb_internal'
            THEN hypertable.associated_schema_name END AS associated_schema,
       CASE WHEN hypertable.associated_table_prefix <> '_hyper_' || hypertable.id
            THEN hypertable.associated_table_prefix END AS associated_prefix,
       dimension.list AS dimensions,
       coalesce(known.compression_enabled, known_cagg.compression_enabled) AS has_columnstore,
       (SELECT coalesce(string_agg(format('%I', name), ', ' ORDER BY position), '')
        FROM unnest(settings.segmentby) WITH ORDINALITY AS column_list (name, position)
        HAVING settings.segmentby IS NOT NULL) AS segmentby,
       (SELECT coalesce(string_agg(format('%I %s NULLS %s', name,
                                          CASE WHEN down THEN 'DESC' ELSE 'ASC' END,
                                          CASE WHEN nulls_first THEN 'FIRST' ELSE 'LAST' END),
                                   ', ' ORDER BY position), '')
        FROM unnest(settings.orderby, settings.orderby_desc, settings.orderby_nullsfirst)
             WITH ORDINALITY AS column_list (name, down, nulls_first, position)
        HAVING settings.orderby IS NOT NULL) AS orderby,
       -- empty if the user wants none
       (SELECT coalesce(string_agg(format('%s(%s)', item ->> 'type',
                                 CASE jsonb_typeof(item -> 'column')
                                     WHEN 'array'
                                     THEN (SELECT string_agg(format('%I', name), ', ')
                                           FROM jsonb_array_elements_text(item -> 'column')
                                                AS column_list (name))
                                     ELSE format('%I', item ->> 'column') END), ', ')
                        FILTER (WHERE item ? 'type'), '')
        FROM jsonb_path_query(to_jsonb(settings) -> 'index',
                              '$[*] ? (@.source == "config")') AS item
        HAVING count(*) > 0) AS sparse_index,
       dimension.compress_interval::text AS compress_interval,
       coalesce((to_jsonb(hypertable) ->> 'chunk_target_size')::bigint > 0, false) AS is_adaptive,
       hypertable.status & 1 <> 0 AS is_tiered,
       -- from 2.29 on
       hypertable.status & 8 <> 0 AS compresses_directly,
       coalesce(access_method.amname = 'hypercore', false) AS is_hypercore,
       rtrim(pg_get_viewdef(direct_view.oid), ';') AS query,
       cagg.materialized_only,
       -- in 2.22 and 2.23
       coalesce(to_jsonb(known_cagg) ->> 'invalidate_using' = 'wal', false) AS reads_wal,
       coalesce((to_jsonb(cagg) ->> 'finalized')::boolean, true) AS is_finalized,
       EXISTS (SELECT FROM _timescaledb_catalog.continuous_aggs_bucket_function AS bucket
               WHERE bucket.mat_hypertable_id = cagg.mat_hypertable_id
                 AND bucket.bucket_func LIKE '%time\_bucket\_ng(%') AS is_experimental,
       (SELECT ev_action LIKE '%:hasWindowFuncs true%' FROM pg_rewrite
        WHERE ev_class = direct_view.oid) AS has_window_functions
FROM level
JOIN _timescaledb_catalog.hypertable ON hypertable.id = level.id
JOIN pg_class AS class
  ON class.oid = to_regclass(format('%I.%I', hypertable.schema_name, hypertable.table_name))
JOIN dimension ON dimension.hypertable_id = hypertable.id
LEFT JOIN pg_am AS access_method ON access_method.oid = class.relam
LEFT JOIN _timescaledb_catalog.continuous_agg AS cagg ON cagg.mat_hypertable_id = hypertable.id
CROSS JOIN LATERAL (
    SELECT CASE WHEN cagg.mat_hypertable_id IS NOT NULL
                THEN to_regclass(format('%I.%I', cagg.direct_view_schema, cagg.direct_view_name))
           END AS oid
) AS direct_view
LEFT JOIN _timescaledb_catalog.compression_settings AS settings ON settings.relid = class.oid
LEFT JOIN timescaledb_information.hypertables AS known
       ON known.hypertable_schema = hypertable.schema_name
      AND known.hypertable_name = hypertable.table_name
LEFT JOIN timescaledb_information.continuous_aggregates AS known_cagg
       ON known_cagg.view_schema = cagg.user_view_schema
      AND known_cagg.view_name = cagg.user_view_name
ORDER BY level.depth, coalesce(cagg.user_view_schema, hypertable.schema_name),
         coalesce(cagg.user_view_name, hypertable.table_name)
