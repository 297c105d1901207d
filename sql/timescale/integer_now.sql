-- The integer_now function of the hypertable at the bottom of a continuous aggregate, quoted and
-- qualified: one row, or none if time is not an integer.
--
-- $1: id of the materialization hypertable
WITH RECURSIVE below (id) AS (
    SELECT $1::int
    UNION ALL
    SELECT cagg.raw_hypertable_id
    FROM below
    JOIN _timescaledb_catalog.continuous_agg AS cagg ON cagg.mat_hypertable_id = below.id
)
SELECT format('%I.%I', dimension.integer_now_func_schema, dimension.integer_now_func) AS function
FROM below
JOIN _timescaledb_catalog.dimension ON dimension.hypertable_id = below.id
WHERE dimension.integer_now_func IS NOT NULL
  AND NOT EXISTS (SELECT FROM _timescaledb_catalog.continuous_agg AS cagg
                  WHERE cagg.mat_hypertable_id = below.id)
LIMIT 1
