-- What single chunks have and their hypertables do not, by hypertable and kind of object, with an example.
--
-- $1: OIDs of hypertables
WITH chunk AS MATERIALIZED (
    SELECT class.oid,
           class.reloptions,
           inhparent,
           (SELECT count(*) FROM pg_index WHERE indrelid = class.oid) AS indexes
    FROM pg_inherits
    JOIN pg_class AS class ON class.oid = inhrelid
    WHERE inhparent = ANY ($1::oid[])
), hypertable AS MATERIALIZED (
    SELECT class.oid,
           class.relname,
           namespace.nspname,
           class.reloptions,
           (SELECT array_agg(regexp_replace(pg_get_indexdef(indexrelid), '^.*? USING ', ''))
            FROM pg_index WHERE indrelid = class.oid) AS indexes
    FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = ANY ($1::oid[])
), extra AS (
    -- Definitions are compared only where an index must be of the chunk alone: it takes long.
    SELECT hypertable.oid, 'indexes' AS kind, indexrelid::regclass::text AS object
    FROM chunk
    JOIN hypertable ON hypertable.oid = inhparent
    JOIN pg_index ON indrelid = chunk.oid
    WHERE chunk.indexes > coalesce(cardinality(hypertable.indexes), 0)
      AND (regexp_replace(pg_get_indexdef(indexrelid), '^.*? USING ', '') = ANY (hypertable.indexes))
          IS NOT TRUE
    UNION ALL
    SELECT chunk.inhparent, 'statistics objects', format('%I.%I', nspname, stxname)
    FROM pg_statistic_ext
    JOIN pg_namespace ON pg_namespace.oid = stxnamespace
    JOIN chunk ON chunk.oid = stxrelid
    UNION ALL
    SELECT hypertable.oid, 'storage parameters', format('%s of %s', option, chunk.oid::regclass)
    FROM chunk
    JOIN hypertable ON hypertable.oid = inhparent
    CROSS JOIN unnest(chunk.reloptions) AS option
    WHERE (option = ANY (hypertable.reloptions)) IS NOT TRUE
    UNION ALL
    SELECT chunk.inhparent, 'comments', chunk.oid::regclass::text
    FROM pg_description
    JOIN chunk ON objoid = chunk.oid
    WHERE classoid = 'pg_class'::regclass
)
SELECT hypertable.nspname AS schema_name,
       hypertable.relname AS table_name,
       extra.kind,
       count(*) AS objects,
       min(extra.object) AS example
FROM extra
JOIN hypertable ON hypertable.oid = extra.oid
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
