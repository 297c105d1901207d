-- The statements that drop the indexes and unique constraints which an unfinished clone has built on tables.
--
-- $1, $2: the tables' schemas and names
SELECT CASE WHEN pg_constraint.oid IS NULL THEN format('DROP INDEX %s', pg_index.indexrelid::regclass)
            ELSE format('ALTER TABLE ONLY %s DROP CONSTRAINT %I', pg_index.indrelid::regclass,
                        pg_constraint.conname) END AS statement
FROM __backfill_clone.table_load AS load
JOIN unnest($1::name[], $2::name[]) AS wanted (schema_name, table_name) USING (schema_name, table_name)
JOIN pg_index ON pg_index.indexrelid = ANY (load.indexes)
LEFT JOIN pg_constraint
    ON pg_constraint.conindid = pg_index.indexrelid AND pg_constraint.conrelid = pg_index.indrelid
       AND pg_constraint.contype IN ('p', 'u')
