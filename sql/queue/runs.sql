-- The processes that copy or verify now, or that last reported less than a day ago and have not
-- ended.
SELECT id, command, host, pid, chunks, bytes, chunks_done, bytes_done, rate, workers,
       extract(epoch FROM clock_timestamp() - started)::double precision AS seconds,
       extract(epoch FROM clock_timestamp() - seen)::double precision AS silent_seconds
FROM __backfill.run
WHERE ended IS NULL AND seen > clock_timestamp() - interval '1 day'
ORDER BY id
