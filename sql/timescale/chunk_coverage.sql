-- The time that a hypertable's chunks cover, within a range: one row.
--
-- $1: id of its time dimension
-- $2, $3: the range, from (inclusive) and until (exclusive), in internal time
SELECT coalesce(range_agg(int8range(slice.range_start, slice.range_end)), '{}')::text AS covered
FROM _timescaledb_catalog.dimension_slice AS slice
WHERE slice.dimension_id = $1::int
  AND slice.range_end > $2::bigint AND slice.range_start < $3::bigint
