-- Locks files for the transaction, so that no process can load a part of them.
--
-- $1, $2: schema and name of the table   $3: the files' names
SELECT
FROM __backfill.import
WHERE (table_schema, table_name) = ($1::name, $2::name) AND name = ANY ($3::text[])
ORDER BY id
FOR NO KEY UPDATE
