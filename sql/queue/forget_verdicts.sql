-- Discards all verdicts, so that all copied tasks are verified again.
UPDATE __backfill.task
SET compared = NULL, verified = NULL, difference = NULL, compared_by = NULL
WHERE worked IS NOT NULL AND NOT skipped AND compared IS NOT NULL
