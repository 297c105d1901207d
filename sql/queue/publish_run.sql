-- Writes a run's progress, and returns the settings to apply and the work that is left: one row.
--
-- $1: the run's id   $2: command   $3: host   $4: process number   $5: when it began
-- $6, $7: chunks and bytes to do when it began
-- $8: chunks done    $9: bytes done   $10: bytes per second
-- $11, $12: workers and waits, as in __backfill.run   $13: whether it has ended
WITH published AS (
    INSERT INTO __backfill.run (id, command, host, pid, started, chunks, bytes, chunks_done,
                                bytes_done, rate, workers, waits, ended)
    OVERRIDING SYSTEM VALUE
    VALUES ($1::bigint, $2, $3, $4::int, $5::timestamptz, $6::bigint, $7::bigint, $8::bigint,
            $9::bigint, $10::double precision, $11::jsonb, $12::jsonb,
            CASE WHEN $13::boolean THEN clock_timestamp() END)
    ON CONFLICT (id) DO UPDATE
    SET seen = clock_timestamp(), chunks_done = excluded.chunks_done,
        bytes_done = excluded.bytes_done, rate = excluded.rate, workers = excluded.workers,
        waits = excluded.waits, ended = excluded.ended
)
SELECT control.paused,
       CASE WHEN control.parallelism_set > $5::timestamptz THEN control.parallelism END
           AS parallelism,
       to_do.chunks, to_do.bytes
FROM __backfill.control
CROSS JOIN (
    -- those that a worker of the run may claim, or has claimed: the first 10,000, which are enough to
    -- decide how many workers there should be, so that the queue's length does not matter
    SELECT count(*) AS chunks, coalesce(sum(bytes), 0)::bigint AS bytes
    FROM ((SELECT bytes FROM __backfill.task
           WHERE $2 = 'copy' AND worked IS NULL
             AND (failed IS NULL OR failed < $5::timestamptz)
           ORDER BY bytes DESC, id DESC
           LIMIT 10000)
          UNION ALL
          (SELECT bytes FROM __backfill.task
           WHERE $2 = 'verify' AND worked IS NOT NULL AND NOT skipped AND verified IS NULL
             AND (compared IS NULL OR compared < $5::timestamptz)
           ORDER BY bytes DESC, id
           LIMIT 10000)) AS task
) AS to_do
