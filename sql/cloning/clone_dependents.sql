-- Objects in a dump that depend on the table of a chunk, which is left out: views, rules and
-- functions with a parsed body. A row for each, with one of its chunks.
--
-- $1: OIDs of the chunks
SELECT dependent.description AS object,
       min(chunk.oid::regclass::text) AS chunk
FROM pg_class AS chunk
JOIN pg_depend AS depend
  ON depend.refclassid = 'pg_class'::regclass AND depend.refobjid = chunk.oid
LEFT JOIN pg_rewrite AS rewrite
       ON depend.classid = 'pg_rewrite'::regclass AND rewrite.oid = depend.objid
CROSS JOIN LATERAL (
    SELECT CASE WHEN rewrite.oid IS NULL
                THEN pg_describe_object(depend.classid, depend.objid, 0)
                ELSE pg_describe_object('pg_class'::regclass, rewrite.ev_class, 0)
           END AS description
) AS dependent
WHERE chunk.oid = ANY ($1::oid[])
  AND depend.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)
  AND coalesce(rewrite.ev_class, 0) NOT IN (SELECT unnest($1::oid[]))
GROUP BY 1
ORDER BY 1
