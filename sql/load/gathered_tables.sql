-- The tables in which a task's rows are gathered, and their stand-ins. A stand-in may be the second
-- parent of a chunk.
--
-- $1: the task's id
SELECT relname ~ '^staging' AS is_table,
       substring(relname FROM '[0-9]+$')::bigint AS number
FROM pg_class
WHERE relnamespace = to_regnamespace('__backfill') AND relkind = 'r'
  AND relname ~ ('^(staging|stand_in)_' || $1 || '_[0-9]+$')
ORDER BY number
