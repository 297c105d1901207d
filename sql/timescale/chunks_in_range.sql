-- The chunks of some hypertables whose slices overlap a range of time for each hypertable. The catalog
-- rows are read as JSON because their columns differ by version: a chunk is named by schema_name
-- and table_name before TimescaleDB 2.29 and by relid from then on. A chunk of which only the
-- catalog row is left (before 2.26, if an aggregate still needs its ID) has no table and is left
-- out.
--
-- $1: ids of hypertables          $2: ids of their time dimensions, in the same order
-- $3, $4: from (inclusive) and until (exclusive), in TimescaleDB's internal time
SELECT wanted.hypertable_id,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       slices.list AS slices,
       slices.range_start,
       slices.range_end,
       coalesce(pg_table_size(class.oid), 0) + coalesce(pg_table_size(compressed.relid), 0)
           AS bytes,
       -- see chunk_storage.sql
       CASE WHEN chunk.status & (1 | 8) = 1 THEN 0 ELSE greatest(class.reltuples, 0) END::bigint
           + coalesce(compressed.rows, 0) AS rows,
       -- in microseconds since 1970
       (extract(epoch FROM (to_jsonb(chunk) ->> 'creation_time')::timestamptz) * 1000000)::bigint
           AS created,
       chunk.status || ' ' || (
-- include timescale/change_state.inc
           FROM (VALUES (class.oid), (compressed.relid::oid)) AS counted (relid)) AS state
FROM unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[])
         AS wanted (hypertable_id, time_dimension_id, range_from, range_until)
JOIN _timescaledb_catalog.chunk ON chunk.hypertable_id = wanted.hypertable_id
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(dimension.column_name,
                            jsonb_build_array(slice.range_start, slice.range_end)) AS list,
           max(slice.range_start) FILTER (WHERE dimension.id = wanted.time_dimension_id)
               AS range_start,
           max(slice.range_end) FILTER (WHERE dimension.id = wanted.time_dimension_id)
               AS range_end
-- include timescale/slices_of_chunk.inc
) AS slices
JOIN pg_class AS class
  ON class.oid = to_regclass(coalesce(
         to_jsonb(chunk) ->> 'relid',
         format('%I.%I', to_jsonb(chunk) ->> 'schema_name', to_jsonb(chunk) ->> 'table_name')))
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
LEFT JOIN LATERAL (
    SELECT own.relid,
           (SELECT size.numrows_pre_compression
            FROM _timescaledb_catalog.compression_chunk_size AS size
            WHERE size.chunk_id = chunk.id) AS rows
    FROM (
-- include timescale/compressed_table.inc
    ) AS own
) AS compressed ON chunk.status & 1 = 1
WHERE NOT chunk.osm_chunk
  AND slices.range_start < wanted.range_until
  AND slices.range_end > wanted.range_from
ORDER BY wanted.hypertable_id, slices.range_start, chunk.id
