-- The queue: schema __backfill in the target. Run inside the transaction that stages, after
-- check_schema.sql has said that the schema is absent.
CREATE SCHEMA __backfill;

-- The format of the tables below; raised when it changes.
COMMENT ON SCHEMA __backfill IS 'timescaledb-backfill queue, format 6';

-- One row for each chunk of the source to copy.
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
    -- the chunk in the source; or a table without chunks, which has several tasks
    chunk_schema name NOT NULL,
    chunk_name name NOT NULL,
    -- the slice of time of such a task, as text; empty for a chunk
    part text NOT NULL DEFAULT '',
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
    -- without rows in compressed batches that were copied as they are
    rows_copied bigint,
    batches_copied bigint,
    bytes_copied bigint,
    seconds double precision,
    -- by which process, and which of its workers, from 1
    run bigint,
    worker int,
    -- finished without copying because the chunk is gone from the source
    skipped boolean NOT NULL DEFAULT false,
    -- a remark on a finished task, such as why it was skipped
    message text,
    -- when and why it last failed; the next copy tries again
    failed timestamptz,
    error text,
    -- when verify last looked, and when it found both sides equal
    compared timestamptz,
    verified timestamptz,
    -- what it found otherwise
    difference jsonb,
    UNIQUE (chunk_schema, chunk_name, part)
);

CREATE INDEX task_to_do ON __backfill.task (bytes DESC, id) WHERE worked IS NULL;

CREATE INDEX task_to_verify ON __backfill.task (bytes DESC, id)
    WHERE worked IS NOT NULL AND NOT skipped AND verified IS NULL;

-- What a worker must know about a task. A task is claimed by locking its row through this view.
CREATE VIEW __backfill.task_details AS
SELECT id, hypertable_schema, hypertable_name, target_schema, target_name, chunk_schema, chunk_name,
       part, slices, snapshot, bytes, worked, failed, skipped, compared, verified,
       range @> int8multirange(slice) AS whole,
       (SELECT jsonb_agg(jsonb_build_array(lower(one), upper(one)) ORDER BY one)
        FROM unnest(range) AS one) AS ranges
FROM __backfill.task;

-- One row for each process that copies or verifies: its progress, written once a second.
CREATE TABLE __backfill.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command text NOT NULL,
    host text NOT NULL,
    pid int NOT NULL,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended timestamptz,
    -- what there was to do when it began, bytes as in task.bytes; and what of it is done
    chunks bigint NOT NULL,
    bytes bigint NOT NULL,
    chunks_done bigint NOT NULL DEFAULT 0,
    bytes_done bigint NOT NULL DEFAULT 0,
    -- bytes per second, over the last half minute
    rate double precision NOT NULL DEFAULT 0,
    -- an array of objects, one for each worker that has something to do: worker, activity, remark,
    -- chunk, tasks (ids), bytes, moved (bytes of COPY data), seconds
    workers jsonb NOT NULL DEFAULT '[]'
);

-- What all processes should do: one row. All tables here have a key: if a publication publishes all
-- tables, tables without a key cannot be updated.
CREATE TABLE __backfill.control (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    paused boolean NOT NULL DEFAULT false,
    -- how many workers each is to have that began before
    parallelism int,
    parallelism_set timestamptz
);
INSERT INTO __backfill.control DEFAULT VALUES;

-- The background jobs of the target that `jobs disable` has turned off.
CREATE TABLE __backfill.suspended_job (
    job_id int PRIMARY KEY,
    suspended timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row for each file that is loaded into a table, or was.
CREATE TABLE __backfill.import (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_schema name NOT NULL,
    table_name name NOT NULL,
    -- the file's path, or what it was given for a name
    name text NOT NULL,
    -- digest of the first bytes of what is in the file, and how many they are
    head text NOT NULL,
    head_bytes bigint NOT NULL,
    -- of the file as it is on disk, and a digest of its last bytes; NULL for standard input
    size bigint,
    tail text,
    -- what gives the same bytes another meaning: columns, delimiter, bounds
    options jsonb NOT NULL,
    -- the process that loads it, or did so last: what another one has in hand is not committed
    owner text,
    begun timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- when all of it was loaded
    finished timestamptz,
    UNIQUE (table_schema, table_name, name)
);

-- One row for each part of a file whose rows are in the table: it comes with them.
CREATE TABLE __backfill.import_batch (
    import bigint NOT NULL,
    -- bytes of what is in the file, decompressed; "until" is the first that is not in the part
    "from" bigint NOT NULL,
    "until" bigint NOT NULL,
    -- the line that begins it, and the one that follows it
    line bigint NOT NULL,
    next_line bigint NOT NULL,
    records bigint NOT NULL,
    -- that became rows; the others were rejected, or were outside of the bounds
    rows bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    -- the last record has its newline, and does not change when more is appended
    terminated boolean NOT NULL,
    PRIMARY KEY (import, "from")
);
