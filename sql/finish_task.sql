-- Marks a claimed task as done, in the transaction that holds the claim and loads the rows.
--
-- $1: id   $2: rows   $3: compressed batches   $4: bytes of COPY data   $5: seconds
-- $6: message or NULL
UPDATE __backfill.task
SET worked = clock_timestamp(), rows_copied = $2::bigint, batches_copied = $3::bigint,
    bytes_copied = $4::bigint, seconds = $5::double precision, message = $6, failed = NULL, error = NULL,
    compared = NULL, verified = NULL, difference = NULL
WHERE id = $1::bigint
