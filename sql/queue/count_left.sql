-- What a run of copy leaves to do: one row.
--
-- $1: when the run began
SELECT count(*) FILTER (WHERE task.failed >= $1::timestamptz) AS failed,
       -- claimed by other runs
       count(*) FILTER (WHERE unlocked.id IS NULL
                          AND (task.failed IS NULL OR task.failed < $1::timestamptz)) AS held,
       count(*) FILTER (WHERE unlocked.id IS NOT NULL
                          AND (task.failed IS NULL OR task.failed < $1::timestamptz)) AS free
FROM __backfill.task
LEFT JOIN (SELECT id FROM __backfill.task WHERE worked IS NULL
           FOR NO KEY UPDATE SKIP LOCKED) AS unlocked USING (id)
WHERE worked IS NULL
