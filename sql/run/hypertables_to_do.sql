-- The hypertables that there are tasks to do of: in the source, and in the target.
SELECT DISTINCT hypertable_schema, hypertable_name, target_schema, target_name
FROM __backfill.task
WHERE worked IS NULL
