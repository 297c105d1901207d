-- Begins to build the indexes of tables whose rows are loaded.
--
-- $1, $2: the tables' schemas and names   $3: digests of the statements that build the indexes
UPDATE __backfill_clone.table_load AS load
SET index_digest = wanted.index_digest, indexes = NULL
FROM unnest($1::name[], $2::name[], $3::text[]) AS wanted (schema_name, table_name, index_digest)
WHERE load.schema_name = wanted.schema_name AND load.table_name = wanted.table_name
