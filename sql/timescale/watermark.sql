-- The watermark of a continuous aggregate: one row, in internal time.
--
-- $1: id of its materialization hypertable
SELECT _timescaledb_functions.cagg_watermark($1::int) AS watermark,
       -- The end of the last materialized bucket. Copying rows changes it, but not the watermark.
       -- NULL or the least time of the type if there are no buckets.
       _timescaledb_functions.cagg_watermark_materialized($1::int) AS materialized
