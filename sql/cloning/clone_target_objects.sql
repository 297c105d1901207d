-- The target's user objects: schemas, tables, views, sequences, functions and types that do not
-- belong to an extension or to another object. What this program made for itself is not included. A row
-- for each.
WITH namespace AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', '__backfill',
                                                            '__backfill_clone')
), object AS (
    SELECT 'schema' AS kind, format('%I', nspname) AS name, 'pg_namespace'::regclass AS class, oid
    FROM namespace
    WHERE nspname <> 'public'
      AND NOT EXISTS (SELECT FROM pg_extension WHERE extnamespace = namespace.oid)
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                        WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
           format('%I.%I', nspname, relname), 'pg_class'::regclass, class.oid
    FROM pg_class AS class JOIN namespace ON namespace.oid = class.relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'function', format('%I.%I', nspname, proname), 'pg_proc'::regclass, pg_proc.oid
    FROM pg_proc JOIN namespace ON namespace.oid = pronamespace
    UNION ALL
    SELECT 'type', format('%I.%I', nspname, typname), 'pg_type'::regclass, pg_type.oid
    FROM pg_type JOIN namespace ON namespace.oid = typnamespace
)
SELECT kind, name
FROM object
WHERE NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = object.class AND objid = object.oid AND deptype IN ('e', 'i'))
ORDER BY CASE kind WHEN 'table' THEN 0 ELSE 1 END, kind, name
