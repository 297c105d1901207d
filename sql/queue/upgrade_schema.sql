-- Changes a queue of format 10 or 11 to the format of create_schema.sql.
ALTER TABLE __backfill.import ADD COLUMN IF NOT EXISTS error text; -- since 11
ALTER TABLE __backfill.run ADD COLUMN waits jsonb NOT NULL DEFAULT '{}';
ALTER TABLE __backfill.task ADD COLUMN time_type text, ADD COLUMN compared_by text;
UPDATE __backfill.task
SET time_type = coalesce((
    SELECT format_type(dimension.column_type, NULL)
    FROM _timescaledb_catalog.hypertable AS own
    JOIN _timescaledb_catalog.dimension ON dimension.hypertable_id = own.id
    WHERE own.schema_name = target_schema AND own.table_name = target_name
      AND dimension.interval_length IS NOT NULL
    ORDER BY dimension.id
    LIMIT 1
), 'unknown');
ALTER TABLE __backfill.task ALTER COLUMN time_type SET NOT NULL;
DROP VIEW __backfill.task_details;
-- include queue/task_details.inc
-- include queue/claim_indexes.inc
-- include queue/synced_table.inc
COMMENT ON SCHEMA __backfill IS 'timescaledb-backfill queue, format 12';
