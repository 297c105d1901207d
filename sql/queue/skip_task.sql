-- Marks a claimed task as finished without copying anything.
--
-- $1: id   $2: the reason
UPDATE __backfill.task
SET worked = clock_timestamp(), skipped = true, message = $2, failed = NULL, error = NULL,
    compared = NULL, verified = NULL, difference = NULL
WHERE id = $1::bigint
