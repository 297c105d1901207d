-- Notes for claimed tasks that verify found both sides equal.
--
-- $1: their ids
UPDATE __backfill.task
SET compared = clock_timestamp(), verified = clock_timestamp(), difference = NULL
WHERE id = ANY ($1::bigint[])
