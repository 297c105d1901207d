-- From when until when rows of a hypertable were copied: one row, of NULLs when none were.
--
-- $1, $2: its schema and name in the target
SELECT lower(copied.range) AS "from", upper(copied.range) AS until
FROM (SELECT range_merge(range_agg(task.range)) AS range
      FROM __backfill.task
      WHERE task.target_schema = $1 AND task.target_name = $2
        AND task.worked IS NOT NULL AND NOT task.skipped) AS copied
