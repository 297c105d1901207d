-- The indexes and unique constraints of tables that may be built when nothing else exists: a row for each, with
-- the text with which pg_dump begins the statement. Those with expressions and conditions are left out, because
-- they call functions, which may read other tables.
--
-- $1: OIDs of the tables
SELECT CASE WHEN constraints.oid IS NULL
            THEN format('CREATE %sINDEX %s ON %s.%s USING ',
                        CASE WHEN pg_index.indisunique THEN 'UNIQUE ' END,
                        own.index_name, own.schema_name, own.table_name)
            ELSE format(E'ALTER TABLE ONLY %s.%s\n    ADD CONSTRAINT %s ',
                        own.schema_name, own.table_name, own.index_name) END AS statement,
       namespace.nspname AS schema_name,
       class.relname AS table_name
FROM pg_index
JOIN pg_class AS index_class ON index_class.oid = pg_index.indexrelid
JOIN pg_class AS class ON class.oid = pg_index.indrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
-- A constraint has its index's name (ATExecAddIndexConstraint and RenameRelationInternal in PostgreSQL).
LEFT JOIN pg_constraint AS constraints
    ON constraints.conindid = pg_index.indexrelid AND constraints.conrelid = pg_index.indrelid
       AND constraints.contype IN ('p', 'u', 'x')
CROSS JOIN LATERAL (
    SELECT '"' || replace(namespace.nspname, '"', '""') || '"' AS schema_name,
           '"' || replace(class.relname, '"', '""') || '"' AS table_name,
           '"' || replace(index_class.relname, '"', '""') || '"' AS index_name
) AS own
WHERE pg_index.indrelid = ANY ($1::oid[])
  AND pg_index.indisvalid
  AND pg_index.indexprs IS NULL
  AND pg_index.indpred IS NULL
  AND constraints.contype IS DISTINCT FROM 'x'
