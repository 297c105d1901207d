-- The columns of a hypertable, without generated ones: a row for each, in order. Rows with the same
-- key are versions of one row. The key is that of a unique index that foreign keys reference, or
-- else the primary key, or else another unique index.
--
-- $1: the hypertable's qualified and quoted name
SELECT attribute.attname AS name,
       -- no UPDATE may set it
       attribute.attidentity = 'a' AS is_fixed,
       NOT attribute.attnotnull AS may_be_null,
       -- the index's equality operator; NULL for columns that do not belong to the key
       key.equals
FROM pg_attribute AS attribute
LEFT JOIN (
    SELECT part.attnum, part.equals
    FROM (SELECT * FROM pg_index
          WHERE pg_index.indrelid = to_regclass($1::text)
            AND pg_index.indisunique AND pg_index.indisvalid
            AND pg_index.indpred IS NULL AND pg_index.indexprs IS NULL
          ORDER BY EXISTS (SELECT FROM pg_constraint
                           WHERE pg_constraint.confrelid = pg_index.indrelid
                             AND pg_constraint.conindid = pg_index.indexrelid) DESC,
                   pg_index.indisprimary DESC, pg_index.indexrelid LIMIT 1) AS index
    CROSS JOIN LATERAL (
-- include postgres/key_columns.inc
    ) AS part
) AS key ON key.attnum = attribute.attnum
WHERE attribute.attrelid = to_regclass($1::text)
  AND attribute.attnum > 0 AND NOT attribute.attisdropped AND attribute.attgenerated = ''
ORDER BY attribute.attnum
