-- Describes again files of which nothing is loaded, unless they cannot be read now. Run it in a statement
-- after lock_imports.sql, which waits for batches that are being committed: this one sees them.
--
-- $1, $2: schema and name of the table   $3, $4: as for enter_imports.sql
UPDATE __backfill.import
SET head = file.head, head_bytes = file.head_bytes, size = file.size, tail = file.tail,
    options = $4::jsonb
FROM jsonb_to_recordset($3::jsonb)
    AS file (name text, head text, head_bytes bigint, size bigint, tail text)
WHERE (import.table_schema, import.table_name, import.name) = ($1::name, $2::name, file.name)
  AND file.head <> ''
  AND NOT EXISTS (SELECT FROM __backfill.import_batch WHERE import_batch.import = import.id)
