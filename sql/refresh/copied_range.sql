-- The range of time for which rows of a hypertable were copied: one row, of NULLs if there is none.
--
-- $1, $2: its schema and name in the target
-- cut: true if the first chunk was copied only from --from on
SELECT min(lower(task.range)) AS "from", max(upper(task.range)) AS until,
       (array_agg(lower(task.range) > lower(task.slice) ORDER BY lower(task.range)))[1] AS cut
FROM __backfill.task
WHERE task.target_schema = $1 AND task.target_name = $2
  AND task.worked IS NOT NULL AND NOT task.skipped
