-- The same as chunks.sql for tables of a database without TimescaleDB. Each table is one "chunk".
--
-- $1: the tables' qualified and quoted names; number is the index of a name in this array, from 1
WITH RECURSIVE chunk AS (
    SELECT wanted.number, class.oid AS relid
    FROM (SELECT number, to_regclass(name)::oid AS relid
          FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
          OFFSET 0) AS wanted
    JOIN pg_class AS class ON class.oid = wanted.relid AND class.relkind IN ('r', 'p')
),
file (number, relid) AS (
    SELECT number, relid FROM chunk
    UNION ALL
    SELECT file.number, pg_inherits.inhrelid FROM file JOIN pg_inherits ON inhparent = file.relid
)
SELECT chunk.number,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       0 AS status,
       'heap' AS access_method,
       '{}' AS slices,
       0 AS pages,
       NULL AS batches_schema_name,
       false AS may_create_batches,
       false AS may_set_sizes,
       (SELECT encode(sha256(textsend(string_agg(
                   (attname, atttypid, atttypmod, attgenerated, attcollation, attstorage,
                    attstattarget, atthasmissing)::text, ' ' ORDER BY attnum))), 'hex')
        FROM pg_attribute
        WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped) AS signature,
       NULL AS skipping,
       '[]' AS triggers,
       false AS referenced,
       false AS publications,
       -- TRUNCATE gives a table or partition a new file. An older snapshot would find it empty.
       EXISTS (SELECT FROM file
               CROSS JOIN LATERAL (SELECT * FROM pg_class WHERE oid = file.relid OFFSET 0) AS part
               WHERE file.number = chunk.number
                 AND part.relfilenode <> pg_relation_filenode(part.oid)) AS rewritten,
       (
-- include timescale/change_state.inc
        FROM file AS counted WHERE counted.number = chunk.number) AS state
FROM chunk
JOIN pg_class AS class ON class.oid = chunk.relid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
