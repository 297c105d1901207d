-- Changes a queue of format 10 to the format of create_schema.sql.
ALTER TABLE __backfill.import ADD COLUMN error text;
COMMENT ON SCHEMA __backfill IS 'timescaledb-backfill queue, format 11';
