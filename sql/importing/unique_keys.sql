-- The unique keys of a table by which INSERT ... ON CONFLICT DO UPDATE can find existing rows.
--
-- $1, $2: its schema and name
SELECT index.indisprimary AS is_primary,
       -- PostgreSQL 15
       coalesce((to_jsonb(index) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_are_equal,
       (SELECT jsonb_agg(attribute.attname ORDER BY key.position)
        FROM unnest(index.indkey::smallint[]) WITH ORDINALITY AS key (number, position)
        JOIN pg_attribute AS attribute
          ON attribute.attrelid = index.indrelid AND attribute.attnum = key.number
        WHERE key.position <= index.indnkeyatts) AS columns
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indrelid
WHERE class.relname = $2::name AND class.relnamespace = to_regnamespace(quote_ident($1))
  AND index.indisunique AND index.indimmediate AND index.indisvalid
  AND index.indpred IS NULL AND index.indexprs IS NULL
ORDER BY index.indisprimary DESC, index.indexrelid
