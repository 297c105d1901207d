-- The chunks of a hypertable that overlap a hypercube: one row each, with whether its slices are
-- the very same. No row: the chunk can be created.
--
-- $1, $2: schema and name of the hypertable
-- $3: slices, {"column": [range_start, range_end], ...}
WITH wanted AS (
    SELECT dimension.id AS dimension_id,
           (slice.value ->> 0)::bigint AS range_start,
           (slice.value ->> 1)::bigint AS range_end
    FROM _timescaledb_catalog.hypertable
    JOIN _timescaledb_catalog.dimension ON dimension.hypertable_id = hypertable.id
    JOIN jsonb_each($3::jsonb) AS slice ON slice.key = dimension.column_name
    WHERE hypertable.schema_name = $1 AND hypertable.table_name = $2
),
overlapping AS (
    SELECT chunk_constraint.chunk_id,
           bool_and(slice.range_start = wanted.range_start
                    AND slice.range_end = wanted.range_end) AS same
    FROM wanted
    JOIN _timescaledb_catalog.dimension_slice AS slice
      ON slice.dimension_id = wanted.dimension_id
     AND slice.range_start < wanted.range_end
     AND slice.range_end > wanted.range_start
    JOIN _timescaledb_catalog.chunk_constraint
      ON chunk_constraint.dimension_slice_id = slice.id
    GROUP BY chunk_constraint.chunk_id
    HAVING count(*) = (SELECT count(*) FROM wanted)
)
SELECT namespace.nspname AS schema_name, class.relname AS table_name, overlapping.same
FROM overlapping
JOIN _timescaledb_catalog.chunk ON chunk.id = overlapping.chunk_id
JOIN pg_class AS class
  ON class.oid = to_regclass(coalesce(
         to_jsonb(chunk) ->> 'relid',
         format('%I.%I', to_jsonb(chunk) ->> 'schema_name', to_jsonb(chunk) ->> 'table_name')))
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
ORDER BY overlapping.same DESC
