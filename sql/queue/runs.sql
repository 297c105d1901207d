-- The processes that copy or verify now, or that last reported less than a day ago and have not
-- ended. Those that have ended without a report (is_lost) are left out if the same command was run
-- again.
--
-- $1: a process that has reported nothing for so many seconds, and has no session, has ended
SELECT id, command, host, pid, chunks, bytes, chunks_done, bytes_done, rate, workers,
       extract(epoch FROM clock_timestamp() - started)::double precision AS seconds,
       extract(epoch FROM clock_timestamp() - seen)::double precision AS silent_seconds,
       is_lost
FROM __backfill.run
CROSS JOIN LATERAL (
    SELECT run.seen < clock_timestamp() - $1::double precision * interval '1 second'
           AND NOT EXISTS (
               SELECT FROM pg_stat_activity AS session
               WHERE session.datname = current_database()
                 AND session.application_name LIKE 'timescaledb-backfill ' || run.command || ' %'
                 -- NULL if this role may not see it
                 AND coalesce(session.backend_start <= run.seen, true)) AS is_lost) AS state
WHERE ended IS NULL AND seen > clock_timestamp() - interval '1 day'
  AND NOT (is_lost AND EXISTS (SELECT FROM __backfill.run AS later
                               WHERE later.command = run.command AND later.id > run.id))
ORDER BY id
