-- Records why a task failed, after its transaction was rolled back. Does nothing if another worker has
-- claimed the task since.
--
-- $1: id   $2: error   $3: run   $4: worker
UPDATE __backfill.task
SET failed = clock_timestamp(), error = $2, run = $3::bigint, worker = $4::int
WHERE id = (SELECT id FROM __backfill.task
            WHERE id = $1::bigint AND worked IS NULL
            FOR NO KEY UPDATE SKIP LOCKED)
