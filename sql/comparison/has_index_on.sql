-- Whether the rows of a range of a column are found by an index.
--
-- $1: the table, quoted   $2: the column
SELECT EXISTS (
    SELECT
    FROM pg_index AS index
    JOIN pg_class AS relation ON relation.oid = index.indexrelid
    JOIN pg_am AS method ON method.oid = relation.relam
    JOIN pg_attribute AS attribute
      ON attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[0]
    WHERE index.indrelid = to_regclass($1) AND attribute.attname = $2
      AND method.amname IN ('btree', 'brin') AND index.indisvalid AND index.indpred IS NULL
) AS has_index
