-- Makes all copied tasks ones that are to be verified, whatever verify said of them before.
UPDATE __backfill.task
SET compared = NULL, verified = NULL, difference = NULL
WHERE worked IS NOT NULL AND NOT skipped AND compared IS NOT NULL
