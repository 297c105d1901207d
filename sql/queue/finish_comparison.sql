-- Records what verify found for claimed tasks. Returns the time of the comparison, which is the same for
-- all tasks. It identifies the verdict, because a later verdict of the same task has a later time.
--
-- $1: their ids   $2: the difference as JSON, or NULL if both sides are equal
-- $3: whether to copy it again   $4: whether to replace only the rows that differ then
-- $5: task.compared_by
UPDATE __backfill.task
SET compared = statement_timestamp(),
    verified = CASE WHEN $2::jsonb IS NULL THEN statement_timestamp() END,
    difference = $2::jsonb,
    compared_by = $5,
    worked = CASE WHEN NOT $3::boolean THEN worked END,
    mend = $4::boolean
WHERE id = ANY ($1::bigint[])
RETURNING compared
