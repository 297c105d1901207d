-- What belongs to materialization hypertables beside the aggregates' definitions, such as indexes:
-- a row for each, in an order in which they can be created. It has either the statement that
-- creates it, with the source's names, or a description of what this program cannot create.
--
-- quote_all_identifiers must be on, so that names are as postgres::quote_identifier() writes them.
WITH cagg AS (
    SELECT user_view_schema AS schema_name,
           user_view_name AS view_name,
           class.oid,
           class.relreplident,
           format('%I.%I', hypertable.schema_name, hypertable.table_name) AS hypertable,
           class.reloptions || (SELECT array_agg('toast.' || option)
                                FROM pg_class AS toast, unnest(toast.reloptions) AS option
                                WHERE toast.oid = class.reltoastrelid) AS options
    FROM _timescaledb_catalog.continuous_agg
    JOIN _timescaledb_catalog.hypertable ON hypertable.id = mat_hypertable_id
    JOIN pg_class AS class
      ON class.oid = to_regclass(format('%I.%I', hypertable.schema_name, hypertable.table_name))
), object AS (
    SELECT cagg.oid AS owner, 'pg_class'::regclass AS class, cagg.oid AS oid FROM cagg
    UNION ALL
    SELECT indrelid, 'pg_class'::regclass, indexrelid FROM pg_index
    UNION ALL
    SELECT tgrelid, 'pg_trigger'::regclass, pg_trigger.oid FROM pg_trigger
    JOIN pg_proc ON pg_proc.oid = tgfoid
    JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE NOT tgisinternal AND nspname NOT LIKE '\_timescaledb\_%'
    UNION ALL
    SELECT stxrelid, 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
    UNION ALL
    SELECT polrelid, 'pg_policy'::regclass, oid FROM pg_policy
    UNION ALL
    SELECT prrelid, 'pg_publication_rel'::regclass, oid FROM pg_publication_rel
), addition AS (
    SELECT object.owner, 1 AS step, object.oid,
           CASE object.class
               WHEN 'pg_class'::regclass THEN pg_get_indexdef(object.oid)
               WHEN 'pg_trigger'::regclass THEN pg_get_triggerdef(object.oid)
               WHEN 'pg_statistic_ext'::regclass THEN pg_get_statisticsobjdef(object.oid)
           END AS statement,
           pg_describe_object(object.class, object.oid, 0) AS description
    FROM object WHERE object.oid <> object.owner
    UNION ALL
    SELECT stxrelid, 2, statistic.oid,
           format('ALTER STATISTICS %s SET STATISTICS %s', identity, stxstattarget), NULL
    FROM pg_statistic_ext AS statistic
    CROSS JOIN LATERAL pg_identify_object('pg_statistic_ext'::regclass, statistic.oid, 0)
    WHERE stxstattarget >= 0
    UNION ALL
    SELECT stxrelid, 4, statistic.oid,
           format('ALTER STATISTICS %s OWNER TO %I;', identity, pg_get_userbyid(stxowner)), NULL
    FROM pg_statistic_ext AS statistic
    CROSS JOIN LATERAL pg_identify_object('pg_statistic_ext'::regclass, statistic.oid, 0)
    UNION ALL
    SELECT oid, 2, oid, format('ALTER TABLE %s SET (%s)', hypertable,
                               array_to_string(options, ', ')), NULL
    FROM cagg WHERE options IS NOT NULL
    UNION ALL
    SELECT cagg.oid, 2, cagg.oid,
           format('ALTER TABLE %s REPLICA IDENTITY %s', hypertable,
                  CASE cagg.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
                                    ELSE format('USING INDEX %I', index.relname) END), NULL
    FROM cagg
    LEFT JOIN pg_index ON indrelid = cagg.oid AND indisreplident
    LEFT JOIN pg_class AS index ON index.oid = indexrelid
    WHERE cagg.relreplident <> 'd'
    UNION ALL
    SELECT object.owner, 3, object.oid,
           format('COMMENT ON %s %s IS %L',
                  CASE type WHEN 'table column' THEN 'column'
                            WHEN 'statistics object' THEN 'statistics' ELSE type END,
                  identity, comment.description), NULL
    FROM object
    JOIN pg_description AS comment
      ON comment.classoid = object.class AND comment.objoid = object.oid
    CROSS JOIN LATERAL pg_identify_object(comment.classoid, comment.objoid, comment.objsubid)
    WHERE object.class <> 'pg_policy'::regclass
)
SELECT cagg.schema_name,
       cagg.view_name,
       -- The role may lack privileges for indexes that are not created by way of the view.
       CASE WHEN addition.statement LIKE 'CREATE INDEX %'
            THEN replace(addition.statement, format(' ON %s USING ', cagg.hypertable),
                         format(' ON %I.%I USING ', cagg.schema_name, cagg.view_name))
            ELSE addition.statement END AS statement,
       coalesce(addition.statement LIKE 'CREATE UNIQUE INDEX %', false) AS needs_superuser,
       addition.step = 4 AS is_owner,
       addition.description
FROM addition
JOIN cagg ON cagg.oid = addition.owner
ORDER BY 1, 2, addition.step, addition.oid
