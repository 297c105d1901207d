-- Whether a continuous aggregate has invalidations in a range: rows have changed there, or were
-- never materialized. One row.
--
-- $1: id of its materialization hypertable
-- $2, $3: the range, from (inclusive) and until (exclusive), in internal time
-- $4: the minimum length of an invalidation that counts, in internal time
SELECT EXISTS (
    SELECT
    FROM (SELECT lowest_modified_value AS lowest, greatest_modified_value AS greatest
          FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log
          WHERE materialization_id = $1::int) AS invalid
    WHERE least(invalid.greatest, $3::bigint - 1)::numeric
          - greatest(invalid.lowest, $2::bigint)::numeric >= $4::bigint - 1
    UNION ALL
    -- not sorted by aggregate yet
    SELECT
    FROM _timescaledb_catalog.continuous_agg AS cagg
    JOIN _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log AS invalid
      ON invalid.hypertable_id = cagg.raw_hypertable_id
    WHERE cagg.mat_hypertable_id = $1::int
      AND invalid.greatest_modified_value >= $2::bigint
      AND invalid.lowest_modified_value < $3::bigint
) AS invalid
