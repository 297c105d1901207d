-- Notes what verify found for a claimed task.
--
-- $1: id   $2: the difference as JSON, or NULL when both sides are equal
-- $3: whether a differing chunk is to be copied again
UPDATE __backfill.task
SET compared = clock_timestamp(),
    verified = CASE WHEN $2::jsonb IS NULL THEN clock_timestamp() END,
    difference = $2::jsonb,
    worked = CASE WHEN $2::jsonb IS NULL OR NOT $3::boolean THEN worked END
WHERE id = $1::bigint
