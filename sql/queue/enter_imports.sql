-- Adds files that the queue does not have, and does not change others.
--
-- $1, $2: schema and name of the table   $3: an array of objects: name, head, head_bytes, size, tail
-- $4: __backfill.import.options
INSERT INTO __backfill.import (table_schema, table_name, name, head, head_bytes, size, tail, options)
SELECT $1::name, $2::name, file.name, file.head, file.head_bytes, file.size, file.tail, $4::jsonb
FROM jsonb_to_recordset($3::jsonb)
    AS file (name text, head text, head_bytes bigint, size bigint, tail text)
ORDER BY file.name
ON CONFLICT (table_schema, table_name, name) DO NOTHING
