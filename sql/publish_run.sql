-- Tells how far a run is, and asks what it is to do: one row.
--
-- $1: the run's id   $2: chunks done   $3: bytes done   $4: bytes per second
-- $5: __backfill.run.workers
WITH told AS (
    UPDATE __backfill.run
    SET seen = clock_timestamp(), chunks_done = $2::bigint, bytes_done = $3::bigint,
        rate = $4::double precision, workers = $5::jsonb
    WHERE id = $1::bigint
)
SELECT control.paused,
       CASE WHEN control.parallelism_set > run.started THEN control.parallelism END AS parallelism
FROM __backfill.control
LEFT JOIN __backfill.run ON run.id = $1::bigint
