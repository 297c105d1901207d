-- The watermark of a continuous aggregate: one row, in internal time.
--
-- $1: id of its materialization hypertable
SELECT _timescaledb_functions.cagg_watermark($1::int) AS watermark,
       -- behind the last materialized bucket, which copying rows moves and the watermark does not;
       -- NULL, or the least time of the type, when there is none
       _timescaledb_functions.cagg_watermark_materialized($1::int) AS materialized
