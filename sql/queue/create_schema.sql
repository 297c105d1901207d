-- The queue: schema __backfill in the target. Run in the transaction that stages, if check_schema.sql
-- finds no such schema.
CREATE SCHEMA __backfill;

-- The format of the tables below; increased when it changes.
COMMENT ON SCHEMA __backfill IS 'timescaledb-backfill queue, format 12';

-- One row for each chunk of the source to copy.
CREATE TABLE __backfill.task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- the hypertable in the source; for a continuous aggregate, its materialization hypertable
    hypertable_schema name NOT NULL,
    hypertable_name name NOT NULL,
    -- the same hypertable in the target; a materialization hypertable may have another name there
    target_schema name NOT NULL,
    target_name name NOT NULL,
    -- the view, for a continuous aggregate
    cagg_schema name,
    cagg_name name,
    -- the chunk in the source; for a plain source, the table, which has several tasks
    chunk_schema name NOT NULL,
    chunk_name name NOT NULL,
    -- for a plain source, the task's slice of time as text; otherwise empty
    part text NOT NULL DEFAULT '',
    -- {"column": [range_start, range_end], ...} in TimescaleDB's internal values: microseconds
    -- since 1970 for times, the number itself for integers
    slices jsonb NOT NULL,
    -- the type of the time column in the source, or what its partitioning function returns
    time_type text NOT NULL,
    -- the chunk's slice of time, and the part of it to copy
    slice int8range NOT NULL,
    range int8multirange NOT NULL,
    -- an exported snapshot of the source to read with
    snapshot text,
    -- it was copied, and verify found a difference, or its source has changed since: the next copy
    -- compares it, and replaces only the rows that differ
    mend boolean NOT NULL DEFAULT false,
    -- size in the source, for planning: bytes of the table and its compressed table
    bytes bigint NOT NULL,
    rows_estimate bigint NOT NULL,
    staged timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- set in the transaction that makes the chunk's rows visible
    worked timestamptz,
    -- not including rows in compressed batches that were copied as they are; if only some rows were
    -- replaced, the number of all
    rows_copied bigint,
    batches_copied bigint,
    bytes_copied bigint,
    seconds double precision,
    -- the run that copied it, and the number of the worker in that run, from 1
    run bigint,
    worker int,
    -- finished without copying because the chunk is gone from the source
    skipped boolean NOT NULL DEFAULT false,
    -- of the source's chunk before the snapshot that it was copied under; it becomes another text when
    -- rows change, or may have changed. NULL if that is not known.
    source_state text,
    -- a remark on a finished task, such as why it was skipped
    message text,
    -- when and why it last failed; the next copy tries it again
    failed timestamptz,
    error text,
    -- when verify last compared it, and when it found both sides equal
    compared timestamptz,
    verified timestamptz,
    -- what it compared: batches, digests or aggregates; NULL if it could compare nothing
    compared_by text,
    -- the difference that it found
    difference jsonb,
    UNIQUE (chunk_schema, chunk_name, part)
);

-- One row for each task whose rows are loaded by ranges of pages, until it is done.
CREATE TABLE __backfill.page_load (
    task bigint PRIMARY KEY,
    -- if one of these is another one now, it begins again: task.range, task.snapshot, and the OID of
    -- the target's hypertable
    range int8multirange NOT NULL,
    source_snapshot text,
    target oid NOT NULL,
    -- a snapshot of the target; rows that it does not show, and that no range has inserted, are
    -- the application's
    snapshot text NOT NULL,
    -- the rows of new chunks are gathered in tables
    gathers boolean NOT NULL
);

-- One row for each range of pages. It is locked while the range is loaded.
CREATE TABLE __backfill.page_range (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task bigint NOT NULL REFERENCES __backfill.page_load ON DELETE CASCADE,
    -- the table, partition or child table in the source
    table_schema name NOT NULL,
    table_name name NOT NULL,
    -- its file (pg_relation_filenode), which changes if the table is rewritten
    file bigint NOT NULL,
    -- numbers of pages; "until" is exclusive, and NULL for all others
    "from" bigint NOT NULL,
    "until" bigint,
    -- the transaction that loaded it, as its rows have it
    writer xid,
    rows bigint,
    bytes bigint,
    UNIQUE (task, table_schema, table_name, "from")
);

-- One row for each table (staging_TASK_NUMBER) in which the rows of a new chunk are gathered. It is
-- locked while the table is attached.
CREATE TABLE __backfill.page_slice (
    task bigint NOT NULL REFERENCES __backfill.page_load ON DELETE CASCADE,
    number bigint NOT NULL,
    -- the chunk's slice of time
    "from" bigint NOT NULL,
    "until" bigint NOT NULL,
    -- how the table was created (timescale::StagingShape::definition)
    definition text NOT NULL,
    -- the transaction that attached the table, or inserted its rows
    writer xid,
    PRIMARY KEY (task, number)
);

CREATE INDEX task_to_do ON __backfill.task (bytes DESC, id DESC) WHERE worked IS NULL;

CREATE INDEX task_to_verify ON __backfill.task (bytes DESC, id)
    WHERE worked IS NOT NULL AND NOT skipped AND verified IS NULL;

-- include queue/claim_indexes.inc

-- include queue/task_details.inc

-- One row for each `stage --changed`: the numbers of chunks that it found. Except for those that are
-- gone from the source, they were queued; bytes are theirs, as in task.bytes.
CREATE TABLE __backfill.pass (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    staged timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- that were not in the queue; whose range grew; that have changed since they were copied, or may have
    added bigint NOT NULL,
    grown bigint NOT NULL,
    changed bigint NOT NULL,
    gone bigint NOT NULL,
    bytes bigint NOT NULL
);

-- One row for each process that copies or verifies: its progress, written once a second.
CREATE TABLE __backfill.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command text NOT NULL,
    host text NOT NULL,
    pid int NOT NULL,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended timestamptz,
    -- the work when it began (bytes as in task.bytes), and how much of it is done
    chunks bigint NOT NULL,
    bytes bigint NOT NULL,
    chunks_done bigint NOT NULL DEFAULT 0,
    bytes_done bigint NOT NULL DEFAULT 0,
    -- bytes per second, over the last half minute
    rate double precision NOT NULL DEFAULT 0,
    -- an array of objects, one for each busy worker: worker, activity, remark, name and part of the
    -- subject (output::Subject), chunk, tasks (ids), bytes, moved (bytes of COPY data), seconds
    workers jsonb NOT NULL DEFAULT '[]',
    -- for how many seconds it has waited: {"--max-lag": 12.5, "pause": 60}
    waits jsonb NOT NULL DEFAULT '{}'
);

-- Settings for all processes: one row. All tables here have a key: if a publication publishes all
-- tables, tables without a key cannot be updated.
CREATE TABLE __backfill.control (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    paused boolean NOT NULL DEFAULT false,
    -- the number of workers of each process that began before parallelism_set
    parallelism int,
    parallelism_set timestamptz
);
INSERT INTO __backfill.control DEFAULT VALUES;

-- The background jobs of the target that `jobs disable` has turned off.
CREATE TABLE __backfill.suspended_job (
    job_id int PRIMARY KEY,
    suspended timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- include queue/synced_table.inc

-- One row for each file that is, or was, loaded into a table.
CREATE TABLE __backfill.import (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_schema name NOT NULL,
    table_name name NOT NULL,
    -- the file's path, or its --name
    name text NOT NULL,
    -- a digest of the first bytes of the file's contents, and the number of these bytes
    head text NOT NULL,
    head_bytes bigint NOT NULL,
    -- the size of the file on disk, and a digest of its last bytes; NULL for standard input
    size bigint,
    tail text,
    -- the options that change the meaning of the file's bytes: columns, delimiter, bounds
    options jsonb NOT NULL,
    -- the process that loads it, or did so last; batches of other processes cannot be committed
    owner text,
    begun timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- when all of it was loaded
    finished timestamptz,
    -- why it could not be loaded in full, most recently
    error text,
    UNIQUE (table_schema, table_name, name)
);

-- One row for each part of a file whose rows are in the table, committed with these rows.
CREATE TABLE __backfill.import_batch (
    import bigint NOT NULL,
    -- byte positions in the decompressed file; "until" is exclusive
    "from" bigint NOT NULL,
    "until" bigint NOT NULL,
    -- the number of its first line, and of the line after it
    line bigint NOT NULL,
    next_line bigint NOT NULL,
    records bigint NOT NULL,
    -- the numbers of records that became rows, and that were rejected; the others were left out
    rows bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    -- the numbers of records left out because the table has their keys, and of rows that were updated
    conflicts bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    -- the last record ends with a newline, so that it does not change if the file grows
    terminated boolean NOT NULL,
    PRIMARY KEY (import, "from")
);
