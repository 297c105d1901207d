-- Tables of a database without TimescaleDB that have the names of hypertables elsewhere: a row for
-- each that exists, similar to hypertables.sql. They are found by joins, because to_regclass()
-- fails for a schema without USAGE.
--
-- $1, $2: schemas and names of the hypertables     $3: their time columns
-- $4: the filter, as for hypertables.sql
-- number is the index of a hypertable in these arrays, from 1.
SELECT wanted.number,
       ($4::text IS NULL
        OR format('%I.%I', wanted.schema_name, wanted.table_name) ~* $4
        OR concat(wanted.schema_name, '.', wanted.table_name) ~* $4) AS matches,
       time.type AS time_type,
       members.time_may_be_null AS may_be_null,
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
       members.without_time_index,
       members.further_columns
FROM unnest($1::name[], $2::name[], $3::name[])
         WITH ORDINALITY AS wanted (schema_name, table_name, time_column, number)
JOIN pg_namespace AS namespace ON namespace.nspname = wanted.schema_name
JOIN pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = wanted.table_name
                      AND class.relkind IN ('r', 'p')
LEFT JOIN LATERAL (
    SELECT format_type(attribute.atttypid, NULL) AS type
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
-- The table with its partitions or child tables, whose rows are read with its own.
CROSS JOIN LATERAL (
    WITH RECURSIVE member (oid) AS (
        SELECT class.oid
        UNION
        SELECT pg_inherits.inhrelid FROM pg_inherits JOIN member ON inhparent = member.oid
    ),
    described AS (
        SELECT member.oid,
               member_namespace.nspname AS schema_name,
               member_class.relname AS table_name,
               member_time.attnotnull,
               member_class.relkind = 'f' OR coalesce(pg_relation_size(member.oid) > 0, false)
                   AS has_rows,
               -- the index serves conditions on time and ORDER BY time
               EXISTS (SELECT FROM pg_index AS index
                       JOIN pg_class AS index_class ON index_class.oid = index.indexrelid
                       JOIN pg_am AS method ON method.oid = index_class.relam
                       WHERE index.indrelid = member.oid AND method.amname = 'btree'
                         AND index.indisvalid AND index.indpred IS NULL
                         AND index.indkey[0] = member_time.attnum) AS time_is_indexed
        FROM member
        JOIN pg_class AS member_class ON member_class.oid = member.oid
        JOIN pg_namespace AS member_namespace ON member_namespace.oid = member_class.relnamespace
        LEFT JOIN pg_attribute AS member_time
               ON member_time.attrelid = member.oid AND member_time.attname = wanted.time_column
              AND NOT member_time.attisdropped
    )
    SELECT bool_or(NOT described.attnotnull) AS time_may_be_null,
           -- only tables that have rows count; if none has, the table itself
           (SELECT coalesce(jsonb_agg(jsonb_build_array(described.schema_name,
                                                        described.table_name)
                                      ORDER BY described.schema_name, described.table_name), '[]')
            FROM described
            WHERE NOT described.time_is_indexed
              AND CASE WHEN (SELECT bool_or(has_rows) FROM described) THEN described.has_rows
                       ELSE described.oid = class.oid END) AS without_time_index,
           -- columns that the table itself does not have
           (SELECT coalesce(jsonb_agg(jsonb_build_array(
                       described.schema_name, described.table_name, attribute.attname,
                       format_type(attribute.atttypid, attribute.atttypmod))
                       ORDER BY described.schema_name, described.table_name, attribute.attnum), '[]')
            FROM described
            JOIN pg_attribute AS attribute
              ON attribute.attrelid = described.oid AND attribute.attnum > 0
             AND NOT attribute.attisdropped
            WHERE NOT EXISTS (SELECT FROM pg_attribute AS own
                              WHERE own.attrelid = class.oid AND own.attname = attribute.attname
                                AND NOT own.attisdropped)) AS further_columns
    FROM described
) AS members
ORDER BY wanted.number
