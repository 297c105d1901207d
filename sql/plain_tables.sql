-- Tables of a database without TimescaleDB that have the names of hypertables elsewhere: a row for each
-- that is there, as far as it goes like hypertables.sql. Found by joins, for to_regclass() fails in
-- a schema that is closed to the role.
--
-- $1, $2: schemas and names of the hypertables     $3: their time columns
-- $4: the filter, as for hypertables.sql
-- number is the place of one in these arrays, from 1.
SELECT wanted.number,
       ($4::text IS NULL OR format('%I.%I', wanted.schema_name, wanted.table_name) ~* $4)
           AS matches,
       time.type AS time_type,
       time.may_be_null,
       columns.list AS columns,
       (SELECT jsonb_agg(attribute.attname ORDER BY attribute.attnum)
        FROM (SELECT * FROM pg_index
              WHERE pg_index.indrelid = class.oid
                AND pg_index.indisunique AND pg_index.indpred IS NULL
                AND pg_index.indexprs IS NULL
              ORDER BY pg_index.indisprimary DESC, pg_index.indexrelid LIMIT 1) AS index
        JOIN pg_attribute AS attribute
          ON attribute.attrelid = index.indrelid
         AND attribute.attnum = ANY (index.indkey)) AS key,
       -- for rows of some time, and for the first of them
       EXISTS (SELECT FROM pg_index AS index
               JOIN pg_class AS index_class ON index_class.oid = index.indexrelid
               JOIN pg_am AS method ON method.oid = index_class.relam
               WHERE index.indrelid = class.oid AND method.amname = 'btree'
                 AND index.indisvalid AND index.indpred IS NULL
                 AND index.indkey[0] = time.attnum) AS time_is_indexed
FROM unnest($1::name[], $2::name[], $3::name[])
         WITH ORDINALITY AS wanted (schema_name, table_name, time_column, number)
JOIN pg_namespace AS namespace ON namespace.nspname = wanted.schema_name
JOIN pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = wanted.table_name
                      AND class.relkind IN ('r', 'p')
LEFT JOIN LATERAL (
    SELECT attribute.attnum, NOT attribute.attnotnull AS may_be_null,
           format_type(attribute.atttypid, NULL) AS type
    FROM pg_attribute AS attribute
    WHERE attribute.attrelid = class.oid AND attribute.attname = wanted.time_column
      AND NOT attribute.attisdropped) AS time ON true
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'name', attribute.attname,
               'type', format_type(attribute.atttypid, attribute.atttypmod),
               'generated', attribute.attgenerated <> '',
               'labels', NULL)
               ORDER BY attribute.attnum), '[]') AS list
    FROM pg_attribute AS attribute
    WHERE attribute.attrelid = class.oid
      AND attribute.attnum > 0 AND NOT attribute.attisdropped) AS columns
ORDER BY wanted.number
