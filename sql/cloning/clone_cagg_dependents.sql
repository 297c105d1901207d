-- What depends on continuous aggregates, without the aggregates themselves: a row for each. Views
-- and materialized views have their names; anything else has a description only. is_internal: it
-- depends on what TimescaleDB has created for an aggregate, which has another name in the target.
WITH RECURSIVE cagg AS (
    SELECT to_regclass(format('%I.%I', user_view_schema, user_view_name))::oid AS view,
           ARRAY[to_regclass(format('%I.%I', partial_view_schema, partial_view_name)),
                 to_regclass(format('%I.%I', direct_view_schema, direct_view_name)),
                 (SELECT to_regclass(format('%I.%I', schema_name, table_name))
                  FROM _timescaledb_catalog.hypertable
                  WHERE hypertable.id = mat_hypertable_id)]::oid[] AS internal
    FROM _timescaledb_catalog.continuous_agg
), known AS (
    SELECT view AS oid, false AS is_internal FROM cagg
    UNION ALL
    SELECT unnest(internal), true FROM cagg
), dependent (class, oid, is_internal) AS (
    SELECT 'pg_class'::regclass::oid, known.oid, known.is_internal FROM known
    UNION
    SELECT found.class, found.oid, dependent.is_internal
    FROM dependent
    -- a view, and the types of its rows and of arrays of them
    CROSS JOIN LATERAL (
        SELECT dependent.class AS class, dependent.oid AS oid
        UNION ALL
        SELECT 'pg_type'::regclass, row_type.reltype FROM pg_class AS row_type
        WHERE dependent.class = 'pg_class'::regclass AND row_type.oid = dependent.oid
        UNION ALL
        SELECT 'pg_type'::regclass, pg_type.typarray
        FROM pg_class AS row_type JOIN pg_type ON pg_type.oid = row_type.reltype
        WHERE dependent.class = 'pg_class'::regclass AND row_type.oid = dependent.oid
    ) AS owned
    JOIN pg_depend AS depend ON depend.refclassid = owned.class AND depend.refobjid = owned.oid
                            AND depend.deptype = 'n'
    LEFT JOIN pg_rewrite AS rewrite
           ON depend.classid = 'pg_rewrite'::regclass AND rewrite.oid = depend.objid
    LEFT JOIN pg_attrdef AS attrdef
           ON depend.classid = 'pg_attrdef'::regclass AND attrdef.oid = depend.objid
    CROSS JOIN LATERAL (
        SELECT CASE WHEN coalesce(rewrite.ev_class, attrdef.adrelid) IS NULL THEN depend.classid
                    ELSE 'pg_class'::regclass END AS class,
               coalesce(rewrite.ev_class, attrdef.adrelid, depend.objid) AS oid
    ) AS found
    WHERE found.class <> 'pg_class'::regclass OR found.oid NOT IN (SELECT known.oid FROM known)
)
SELECT pg_describe_object(dependent.class, dependent.oid, 0) AS object,
       CASE WHEN class.relkind IN ('v', 'm') THEN namespace.nspname END AS schema_name,
       CASE WHEN class.relkind IN ('v', 'm') THEN class.relname END AS view_name,
       bool_or(dependent.is_internal) AS is_internal
FROM dependent
LEFT JOIN pg_class AS class
       ON dependent.class = 'pg_class'::regclass AND class.oid = dependent.oid
LEFT JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE (dependent.class, dependent.oid) NOT IN (SELECT 'pg_class'::regclass::oid, oid FROM known)
  -- chunks, which inherit from a materialization hypertable, and what belongs to it
  AND coalesce(class.relkind, 'v') IN ('v', 'm', 'r', 'p', 'f', 'c')
  AND NOT (dependent.is_internal AND class.relkind = 'r')
GROUP BY 1, 2, 3
ORDER BY 1
