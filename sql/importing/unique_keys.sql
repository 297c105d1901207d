-- The unique keys of a table by which INSERT ... ON CONFLICT DO UPDATE can find existing rows.
--
-- $1, $2: its schema and name
SELECT index.indisprimary AS is_primary,
       -- PostgreSQL 15
       coalesce((to_jsonb(index) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_are_equal,
       key.columns,
       key.compared -- expressions that are equal if values conflict
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indrelid
CROSS JOIN LATERAL (
    SELECT jsonb_agg(attribute.attname ORDER BY part.position) AS columns,
           jsonb_agg(concat_ws(' COLLATE ', quote_ident(attribute.attname),
                               quote_ident(namespace.nspname) || '.' || quote_ident(rule.collname))
                     ORDER BY part.position) AS compared
    FROM unnest(index.indkey::smallint[], index.indcollation::oid[])
        WITH ORDINALITY AS part (number, collation_id, position)
    JOIN pg_attribute AS attribute
      ON attribute.attrelid = index.indrelid AND attribute.attnum = part.number
    LEFT JOIN pg_collation AS rule
      ON rule.oid = part.collation_id AND NOT rule.collisdeterministic
    LEFT JOIN pg_namespace AS namespace ON namespace.oid = rule.collnamespace
    WHERE part.position <= index.indnkeyatts
) AS key
WHERE class.relname = $2::name AND class.relnamespace = to_regnamespace(quote_ident($1))
  AND index.indisunique AND index.indimmediate AND index.indisvalid
  AND index.indpred IS NULL AND index.indexprs IS NULL
ORDER BY index.indisprimary DESC, index.indexrelid
