-- What sync-tables last did with each table.
SELECT table_schema, table_name,
       to_char(synced AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS synced,
       rows, inserted, updated, deleted, rows_left, seconds, error
FROM __backfill.synced_table
ORDER BY table_schema, table_name
