-- What needs continuous aggregates to be created, without the aggregates themselves: a row for each.
-- Views and materialized views have their names, and the statements that create their statistics objects,
-- which pg_dump --table leaves out; anything else has a description only. is_internal:
-- it depends on what TimescaleDB has created for an aggregate, which has another name in the target.
--
-- The body of most functions is text, of which PostgreSQL knows no dependencies. A function counts as
-- reading an aggregate if its text has the aggregate's name, or that of a view or function that does.
-- That matters for what is computed when a table's rows, an index or a materialized view are restored.
--
-- $1: OIDs of chunks and hypertables, which get no rows
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
), own_function AS (
    SELECT procedure.oid, procedure.proname, procedure.prosrc
    FROM pg_proc AS procedure
    JOIN pg_language AS language ON language.oid = procedure.prolang
    WHERE language.lanname NOT IN ('internal', 'c')
      AND procedure.pronamespace NOT IN ('pg_catalog'::regnamespace,
                                         'information_schema'::regnamespace)
      AND NOT EXISTS (SELECT FROM pg_depend
                      WHERE classid = 'pg_proc'::regclass AND objid = procedure.oid
                        AND deptype = 'e')
), reader (class, oid, name, kind) AS (
    SELECT 'pg_class'::regclass::oid, cagg.view, class.relname, class.relkind
    FROM cagg JOIN pg_class AS class ON class.oid = cagg.view
    UNION
    SELECT found.class, found.oid, found.name, found.kind
    FROM reader
    CROSS JOIN LATERAL (
        SELECT 'pg_proc'::regclass::oid AS class, own_function.oid AS oid,
               own_function.proname AS name, 'f'::"char" AS kind
        FROM own_function
        WHERE own_function.prosrc ~*
              format('(^|\W)%s(\W|$)',
                     regexp_replace(replace(reader.name, '"', '""'), '(\W)', '\\\1', 'g'))
        UNION ALL
        SELECT 'pg_class'::regclass, class.oid, class.relname, class.relkind
        FROM pg_depend AS depend
        JOIN pg_rewrite AS rewrite ON rewrite.oid = depend.objid
        JOIN pg_class AS class ON class.oid = rewrite.ev_class AND class.relkind IN ('v', 'm')
        WHERE depend.refclassid = reader.class AND depend.refobjid = reader.oid
          AND depend.classid = 'pg_rewrite'::regclass
    ) AS found
), computed (class, oid) AS (
    -- what such functions compute: materialized views, and the contents of tables and indexes
    SELECT reader.class, reader.oid FROM reader WHERE reader.kind = 'm'
    UNION ALL
    SELECT depend.classid, depend.objid
    FROM reader
    JOIN pg_depend AS depend
      ON depend.refclassid = reader.class AND depend.refobjid = reader.oid
    LEFT JOIN pg_constraint AS rule
           ON depend.classid = 'pg_constraint'::regclass AND rule.oid = depend.objid
    LEFT JOIN pg_attrdef AS attrdef
           ON depend.classid = 'pg_attrdef'::regclass AND attrdef.oid = depend.objid
    LEFT JOIN pg_attribute AS attribute
           ON attribute.attrelid = attrdef.adrelid AND attribute.attnum = attrdef.adnum
    LEFT JOIN pg_index AS index
           ON depend.classid = 'pg_class'::regclass AND index.indexrelid = depend.objid
    LEFT JOIN pg_class AS partitioned
           ON depend.classid = 'pg_class'::regclass AND partitioned.oid = depend.objid
          AND partitioned.relkind = 'p'
    WHERE reader.class = 'pg_proc'::regclass
      AND (rule.contype IN ('c', 'x') OR attribute.attgenerated <> '' OR index.indexrelid <> 0
           OR partitioned.oid <> 0)
      AND coalesce(nullif(rule.conrelid, 0), attrdef.adrelid, index.indrelid, partitioned.oid, 0)
          <> ALL ($1::oid[])
), dependent (class, oid, is_internal) AS (
    SELECT 'pg_class'::regclass::oid, known.oid, known.is_internal FROM known
    UNION
    SELECT computed.class, computed.oid, false FROM computed
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
    -- of a view; a table with rules does not depend on what they read
    LEFT JOIN pg_rewrite AS rewrite
           ON depend.classid = 'pg_rewrite'::regclass AND rewrite.oid = depend.objid
          AND rewrite.ev_class IN (SELECT oid FROM pg_class WHERE relkind IN ('v', 'm'))
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
       (SELECT json_agg(part.statement ORDER BY statistic.oid, part.step)
        FROM pg_statistic_ext AS statistic
        CROSS JOIN LATERAL pg_identify_object('pg_statistic_ext'::regclass, statistic.oid, 0) AS known
        CROSS JOIN LATERAL (VALUES
            (1, pg_get_statisticsobjdef(statistic.oid)),
            (2, format('ALTER STATISTICS %s SET STATISTICS ', known.identity)
                || nullif(statistic.stxstattarget, -1)),
            (3, format('COMMENT ON STATISTICS %s IS ', known.identity)
                || quote_literal(obj_description(statistic.oid, 'pg_statistic_ext')))
        ) AS part (step, statement)
        WHERE statistic.stxrelid = class.oid AND part.statement IS NOT NULL) AS statistics,
       (SELECT json_agg(format('ALTER STATISTICS %s OWNER TO "%s";', known.identity,
                               replace(pg_get_userbyid(stxowner), '"', '""')))
        FROM pg_statistic_ext AS statistic
        CROSS JOIN LATERAL pg_identify_object('pg_statistic_ext'::regclass, statistic.oid, 0) AS known
        WHERE statistic.stxrelid = class.oid) AS statistics_owners,
       bool_or(dependent.is_internal) AS is_internal
FROM dependent
LEFT JOIN pg_class AS class
       ON dependent.class = 'pg_class'::regclass AND class.oid = dependent.oid
LEFT JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE (dependent.class, dependent.oid) NOT IN (SELECT 'pg_class'::regclass::oid, oid FROM known)
  -- chunks, which inherit from a materialization hypertable, and what belongs to it
  AND coalesce(class.relkind, 'v') IN ('v', 'm', 'r', 'p', 'f', 'c', 'i')
  AND NOT (dependent.is_internal AND coalesce(class.relkind = 'r', false))
  AND NOT EXISTS (SELECT FROM pg_constraint
                  WHERE dependent.class = 'pg_constraint'::regclass AND oid = dependent.oid
                    AND conrelid = ANY ($1::oid[]))
  AND NOT EXISTS (SELECT FROM pg_trigger
                  WHERE dependent.class = 'pg_trigger'::regclass AND oid = dependent.oid
                    AND tgrelid IN (SELECT known.oid FROM known))
  AND NOT EXISTS (SELECT FROM pg_policy
                  WHERE dependent.class = 'pg_policy'::regclass AND oid = dependent.oid
                    AND polrelid IN (SELECT known.oid FROM known))
GROUP BY 1, 2, 3, class.oid
ORDER BY 1
