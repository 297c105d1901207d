-- Notes why files cannot be loaded, and forgets the errors of the others.
--
-- $1, $2: schema and name of the table   $3: the files' names   $4: an object of errors by name
UPDATE __backfill.import
SET error = $4::jsonb ->> name
WHERE (table_schema, table_name) = ($1::name, $2::name) AND name = ANY ($3::text[])
  AND error IS DISTINCT FROM $4::jsonb ->> name
