-- The queue: schema __backfill in the target. Run inside the transaction that stages, after
-- check_schema.sql has said that the schema is absent.
CREATE SCHEMA __backfill;

-- The format of the tables below; raised when it changes.
COMMENT ON SCHEMA __backfill IS 'timescaledb-backfill queue, format 1';

-- One row for each chunk of the source that is to be copied.
CREATE TABLE __backfill.task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- the hypertable in the source; for a continuous aggregate, its materialization hypertable
    hypertable_schema name NOT NULL,
    hypertable_name name NOT NULL,
    -- the same one in the target, where a materialization hypertable may have another name
    target_schema name NOT NULL,
    target_name name NOT NULL,
    -- the continuous aggregate's view, if it is one
    cagg_schema name,
    cagg_name name,
    -- the chunk in the source
    chunk_schema name NOT NULL,
    chunk_name name NOT NULL,
    -- {"column": [range_start, range_end], ...} in TimescaleDB's internal values: microseconds
    -- since 1970 for times, the number itself for integers
    slices jsonb NOT NULL,
    -- the chunk's slice of time, and the part of it to copy
    slice int8range NOT NULL,
    range int8multirange NOT NULL,
    -- an exported snapshot of the source to read under
    snapshot text,
    -- size in the source, for planning: bytes of the table and its compressed table
    bytes bigint NOT NULL,
    rows_estimate bigint NOT NULL,
    staged timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- set in the transaction that makes the chunk's rows visible
    worked timestamptz,
    -- but for the rows inside of compressed batches that were taken as they are
    rows_copied bigint,
    batches_copied bigint,
    bytes_copied bigint,
    seconds double precision,
    -- finished without copying, for the chunk is gone from the source
    skipped boolean NOT NULL DEFAULT false,
    -- what there is to say about a finished task, such as why it was skipped
    message text,
    -- when and why it last failed; the next copy tries again
    failed timestamptz,
    error text,
    -- when verify last looked, and when it found both sides equal
    compared timestamptz,
    verified timestamptz,
    -- what it found otherwise
    difference jsonb,
    UNIQUE (chunk_schema, chunk_name)
);

CREATE INDEX task_to_do ON __backfill.task (bytes DESC, id) WHERE worked IS NULL;

CREATE INDEX task_to_verify ON __backfill.task (bytes DESC, id)
    WHERE worked IS NOT NULL AND NOT skipped AND verified IS NULL;
