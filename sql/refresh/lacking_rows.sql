-- The ranges of time for which the target may lack rows of a hypertable, according to the queue: a
-- row each. For the time after all staged ranges, the application has written to both sides.
--
-- $1, $2: schema and name in the target
-- $3, $4: the range, from (inclusive) and until (exclusive), in internal time
-- missing: true if the rows are still to copy; false if they will not be copied, because they are
-- outside of what was staged, or were gone from the source
WITH task AS (
    SELECT worked IS NULL AS missing,
           CASE WHEN worked IS NOT NULL AND NOT skipped
                THEN int8multirange(slice) - range
                ELSE int8multirange(slice) END
           * int8multirange(int8range(NULL, (SELECT max(upper(range)) FROM __backfill.task
                                             WHERE target_schema = $1 AND target_name = $2)))
           * int8multirange(int8range($3::bigint, $4::bigint)) AS lacking
    FROM __backfill.task
    WHERE target_schema = $1 AND target_name = $2
)
SELECT task.missing, lower(piece) AS "from", upper(piece) AS until
FROM task, unnest(task.lacking) AS piece
ORDER BY 2
