-- Notes what sync-tables has done with tables.
--
-- $1: a JSON array of objects with the columns of __backfill.synced_table
INSERT INTO __backfill.synced_table
SELECT given.table_schema, given.table_name, clock_timestamp(), given.rows, given.inserted,
       given.updated, given.deleted, given.rows_left, given.seconds, given.error
FROM jsonb_to_recordset($1::jsonb) AS given (
    table_schema name, table_name name, rows bigint, inserted bigint, updated bigint,
    deleted bigint, rows_left bigint, seconds double precision, error text)
ON CONFLICT (table_schema, table_name) DO UPDATE
SET synced = excluded.synced, rows = excluded.rows, inserted = excluded.inserted,
    updated = excluded.updated, deleted = excluded.deleted, rows_left = excluded.rows_left,
    seconds = excluded.seconds, error = excluded.error
