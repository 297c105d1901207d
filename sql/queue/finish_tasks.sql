-- Marks claimed tasks as done, in the transaction that holds the claims and loads the rows. What is
-- known about their ranges of pages is forgotten: if they are copied again, they begin again.
--
-- $1: a JSON array of objects: id, rows, compressed batches, bytes of COPY data, seconds, run,
--     worker, message, state of the source
WITH done AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS done (
        id bigint, rows bigint, batches bigint, bytes bigint, seconds double precision,
        run bigint, worker int, message text, state text)
), forgotten AS (
    DELETE FROM __backfill.page_load USING done WHERE page_load.task = done.id
)
UPDATE __backfill.task
SET worked = clock_timestamp(), rows_copied = done.rows, batches_copied = done.batches,
    bytes_copied = done.bytes, seconds = done.seconds, run = done.run,
    worker = done.worker, message = done.message, mend = false,
    source_state = done.state, failed = NULL, error = NULL,
    compared = NULL, verified = NULL, difference = NULL, compared_by = NULL
FROM done
WHERE task.id = done.id
