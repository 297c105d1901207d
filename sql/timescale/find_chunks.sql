-- The chunks of hypertables that overlap hypercubes, in the dimensions that both have: a row for
-- each, with whether its slices are the same. If a hypercube has no row, its chunk can be created. If
-- it has a row without a chunk, no chunk overlaps it, but a chunk of another space partition has a
-- different slice of time that overlaps the hypercube's. TimescaleDB aligns such slices when it
-- creates chunks for rows (do_dimension_alignment in src/chunk.c), but create_chunk() does not, and
-- rows would later go into wrong chunks (route_exactly.sql).
--
-- $1, $2: schemas and names of the hypertables, one for each hypercube
-- $3: the hypercubes' slices, {"column": [range_start, range_end], ...}
-- number is the index of a hypercube in these arrays, from 1.
WITH wanted AS MATERIALIZED (
    SELECT cube.number,
           dimension.id AS dimension_id,
           dimension.num_slices IS NULL AS is_open,
           (slice.value ->> 0)::bigint AS range_start,
           (slice.value ->> 1)::bigint AS range_end,
           count(*) OVER (PARTITION BY cube.number) AS dimensions,
           count(*) OVER (PARTITION BY cube.number) = hypertable.num_dimensions
               AND hypertable.num_dimensions
                   = (SELECT count(*) FROM jsonb_object_keys(cube.slices)) AS has_all
    FROM unnest($1::name[], $2::name[], $3::jsonb[])
             WITH ORDINALITY AS cube (schema_name, table_name, slices, number)
    JOIN _timescaledb_catalog.hypertable
      ON hypertable.schema_name = cube.schema_name AND hypertable.table_name = cube.table_name
    JOIN _timescaledb_catalog.dimension ON dimension.hypertable_id = hypertable.id
    JOIN jsonb_each(cube.slices) AS slice ON slice.key = dimension.column_name
),
-- include timescale/overlapping_chunks.inc
cut_elsewhere AS (
    SELECT DISTINCT wanted.number
    FROM near AS wanted
    JOIN _timescaledb_catalog.dimension_slice AS slice
      ON slice.dimension_id = wanted.dimension_id
     AND slice.range_start >= wanted.first_start
     AND slice.range_start < wanted.range_end
     AND slice.range_end > wanted.range_start
    WHERE wanted.is_open AND wanted.dimensions > 1
      AND (slice.range_start, slice.range_end) <> (wanted.range_start, wanted.range_end)
),
overlapping AS (
    SELECT number, chunk_id,
           bool_and(slice_start = range_start AND slice_end = range_end AND has_all) AS same
    FROM overlap
    GROUP BY number, chunk_id
    HAVING count(*) = min(dimensions)
)
SELECT overlapping.number, class.schema_name, class.table_name,
       -- If several chunks overlap, TimescaleDB has cut one of them and changed only its constraint
       -- (seen on 2.19.3), so that its slices are not those in the catalog.
       overlapping.same AND count(*) OVER (PARTITION BY overlapping.number) = 1 AS same
FROM overlapping
CROSS JOIN LATERAL (
    SELECT coalesce(to_jsonb(chunk) ->> 'relid',
                    format('%I.%I', to_jsonb(chunk) ->> 'schema_name',
                                    to_jsonb(chunk) ->> 'table_name')) AS name
    FROM _timescaledb_catalog.chunk
    WHERE chunk.id = overlapping.chunk_id
    OFFSET 0) AS chunk
CROSS JOIN LATERAL (
    SELECT namespace.nspname AS schema_name, class.relname AS table_name
    FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = to_regclass(chunk.name)
    OFFSET 0) AS class
UNION ALL
SELECT number, NULL, NULL, false
FROM cut_elsewhere
WHERE number NOT IN (SELECT number FROM overlapping)
ORDER BY number, same DESC
