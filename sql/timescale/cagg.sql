-- The definition of a continuous aggregate's buckets: one row.
--
-- $1: id of its materialization hypertable
SELECT cagg.partial_view_schema, cagg.partial_view_name,
       -- the arguments of time_bucket(), as text
       bucket.bucket_width AS width,
       bucket.bucket_origin AS origin,
       bucket.bucket_offset AS "offset",
       bucket.bucket_timezone AS timezone,
       bucket.bucket_fixed_width AS fixed,
       -- time_bucket_ng() has other arguments
       bucket.bucket_func NOT LIKE '%time_bucket_ng(%' AS known
FROM _timescaledb_catalog.continuous_agg AS cagg
JOIN _timescaledb_catalog.continuous_aggs_bucket_function AS bucket
  ON bucket.mat_hypertable_id = cagg.mat_hypertable_id
WHERE cagg.mat_hypertable_id = $1::int
