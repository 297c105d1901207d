-- The hypertables with tasks that are not done: their names in the source and in the target.
SELECT DISTINCT hypertable_schema, hypertable_name, target_schema, target_name
FROM __backfill.task
WHERE worked IS NULL
