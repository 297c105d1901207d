-- Records what verify found for claimed tasks. Returns the time of the comparison, the same for
-- all, which identifies the verdict: another one of the same task comes later.
--
-- $1: their ids   $2: the difference as JSON, or NULL when both sides are equal
-- $3: whether a differing chunk is to be copied again
UPDATE __backfill.task
SET compared = statement_timestamp(),
    verified = CASE WHEN $2::jsonb IS NULL THEN statement_timestamp() END,
    difference = $2::jsonb,
    worked = CASE WHEN $2::jsonb IS NULL OR NOT $3::boolean THEN worked END
WHERE id = ANY ($1::bigint[])
RETURNING compared
