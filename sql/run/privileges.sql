-- What this session's role may do with hypertables: a row for each that exists. They are found by
-- joins, because to_regclass() fails for a schema without USAGE.
--
-- $1, $2: schemas and names of the hypertables, or NULL for all
WITH hypertable AS (
    SELECT class.*,
           hypertable.schema_name,
           hypertable.table_name,
           hypertable.associated_schema_name,
           cagg.user_view_schema AS cagg_schema,
           cagg.user_view_name AS cagg_name
    FROM _timescaledb_catalog.hypertable
    JOIN pg_namespace AS namespace ON namespace.nspname = hypertable.schema_name
    JOIN pg_class AS class ON class.relnamespace = namespace.oid
                          AND class.relname = hypertable.table_name
    LEFT JOIN _timescaledb_catalog.continuous_agg AS cagg
           ON cagg.mat_hypertable_id = hypertable.id
    WHERE hypertable.num_dimensions > 0
      AND ($1::name[] IS NULL
           OR (hypertable.schema_name, hypertable.table_name) IN (
                  SELECT * FROM unnest($1::name[], $2::name[])))
)
SELECT current_user AS role,
       current_database() AS database,
       (to_regnamespace('__backfill') IS NOT NULL
        OR has_database_privilege(current_database(), 'CREATE')) AS may_have_queue,
       hypertable.schema_name,
       hypertable.table_name,
       -- an aggregate's privileges are those of its view
       CASE WHEN hypertable.cagg_name IS NULL THEN 'TABLE' ELSE 'MATERIALIZED VIEW' END AS kind,
       coalesce(hypertable.cagg_schema, hypertable.schema_name) AS known_schema,
       coalesce(hypertable.cagg_name, hypertable.table_name) AS known_name,
       pg_get_userbyid(hypertable.relowner) AS owner,
       owner.rolsuper AS owner_is_superuser,
       -- as PostgreSQL judges it: members of the owner count, if they inherit its privileges
       pg_has_role(hypertable.relowner, 'USAGE') AS is_owner,
       (SELECT coalesce(jsonb_agg(namespace.nspname ORDER BY namespace.nspname), '[]')
        FROM pg_namespace AS namespace
        WHERE (namespace.oid = hypertable.relnamespace OR namespace.oid = ANY (chunks.schemas)
               OR namespace.nspname IN (hypertable.cagg_schema, hypertable.associated_schema_name))
          AND NOT has_schema_privilege(namespace.oid, 'USAGE')) AS closed_schemas,
       has_table_privilege(hypertable.oid, 'SELECT') AND NOT coalesce(chunks.unreadable, false)
           AS may_select,
       has_table_privilege(hypertable.oid, 'INSERT')
           AND has_table_privilege(hypertable.oid, 'DELETE') AS may_change,
       -- Policies are the hypertable's. Its chunks, from which rows are read, have none, and would
       -- show all rows. But a role from which a policy hides rows must not copy them; and a chunk
       -- can have row level security of its own.
       row_security_active(hypertable.oid) OR coalesce(chunks.secured, false) AS row_security,
       hypertable.relrowsecurity AND hypertable.relforcerowsecurity
           AND NOT role.rolbypassrls AND NOT role.rolsuper AS row_security_of_owner
FROM hypertable
JOIN pg_roles AS role ON role.rolname = current_user
JOIN pg_roles AS owner ON owner.oid = hypertable.relowner
CROSS JOIN LATERAL (
    -- GRANT and REVOKE on a hypertable include its chunks, whose privileges can still be changed
    -- separately. Only chunks whose privileges differ from the hypertable's are checked.
    SELECT array_agg(DISTINCT chunk.relnamespace) AS schemas,
           bool_or(CASE WHEN chunk.relacl::text IS DISTINCT FROM hypertable.relacl::text
                          OR chunk.relowner <> hypertable.relowner
                        THEN NOT has_table_privilege(chunk.oid, 'SELECT') END) AS unreadable,
           bool_or(CASE WHEN chunk.relrowsecurity
                        THEN row_security_active(chunk.oid) END) AS secured
    FROM pg_inherits
    JOIN pg_class AS chunk ON chunk.oid = pg_inherits.inhrelid
    WHERE pg_inherits.inhparent = hypertable.oid AND chunk.relkind = 'r'
) AS chunks
ORDER BY known_schema, known_name
