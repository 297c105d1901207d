-- Marks a claimed task as finished without copying anything.
--
-- $1: id   $2: the reason   $3: run   $4: worker
UPDATE __backfill.task
SET worked = clock_timestamp(), skipped = true, message = $2, run = $3::bigint, worker = $4::int,
    mend = false, failed = NULL, error = NULL,
    compared = NULL, verified = NULL, difference = NULL, compared_by = NULL
WHERE id = $1::bigint
