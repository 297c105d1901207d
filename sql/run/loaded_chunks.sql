-- The chunks of a hypertable that the open transaction has inserted rows into, by their slices.
-- They are found by the server's statistics counters (pgstat_count_heap_insert in PostgreSQL's
-- src/backend/utils/activity/pgstat_relation.c), which costs nothing per row. Chunks of an earlier
-- transaction are included until the server has published its counters. Returns no row if the role
-- may not read the hypertable, or if a superuser has turned off track_counts.
--
-- $1, $2: the hypertable's schema and name
-- $3: true if rows may be in a chunk's compressed table because of direct compress
WITH touched AS MATERIALIZED (
    SELECT inhrelid AS oid
    FROM pg_inherits
    WHERE inhparent = to_regclass(format('%I.%I', $1::name, $2::name))
      AND has_table_privilege(inhparent, 'SELECT')
      AND (pg_stat_get_xact_tuples_inserted(inhrelid) > 0
           OR $3::boolean
              AND EXISTS (SELECT
                          FROM _timescaledb_catalog.compression_settings AS settings
                          WHERE settings.relid = inhrelid
                            AND pg_stat_get_xact_tuples_inserted(
                                    (to_jsonb(settings) ->> 'compress_relid')::regclass) > 0))
      AND EXISTS (SELECT
                  FROM pg_class
                  WHERE oid = inhrelid AND has_table_privilege(oid, 'SELECT')
                    AND has_schema_privilege(relnamespace, 'USAGE'))
)
SELECT slices.list::text AS slices
FROM (SELECT oid, _timescaledb_functions.chunk_id_from_relid(oid) AS id FROM touched) AS chunk
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(dimension.column_name,
                            jsonb_build_array(slice.range_start, slice.range_end)) AS list,
           min(slice.range_start) AS first_start
-- include timescale/slices_of_chunk.inc
) AS slices
WHERE slices.list IS NOT NULL
ORDER BY slices.first_start, chunk.oid
