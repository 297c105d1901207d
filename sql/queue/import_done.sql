-- The parts of a file that are loaded, in order; adjacent parts are merged.
--
-- $1: the import's id
SELECT min("from") AS "from", max("until") AS "until", min(line) AS line, max(next_line) AS next_line,
       bool_and(terminated) AS terminated
FROM (SELECT *, count(*) FILTER (WHERE is_first) OVER (ORDER BY "from") AS island
      FROM (SELECT *, "from" IS DISTINCT FROM lag("until") OVER (ORDER BY "from") AS is_first
            FROM __backfill.import_batch
            WHERE import = $1::bigint) AS batch) AS batch
GROUP BY island
ORDER BY "from"
