-- The files of a plain table: its own, and those of its partitions and child tables.
--
-- $1: the table's qualified and quoted name
WITH RECURSIVE part (relid) AS (
    SELECT to_regclass($1)::oid
    UNION
    SELECT inhrelid FROM part JOIN pg_inherits ON inhparent = relid
)
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       pg_relation_filenode(class.oid)::bigint AS file,
       pg_relation_size(class.oid) / current_setting('block_size')::bigint AS pages,
       -- A query on the parent requires no privileges on its children, and applies only the
       -- parent's row security.
       class.relkind = 'r' AND pg_am.amname = 'heap'
       AND has_schema_privilege(class.relnamespace, 'USAGE')
       AND has_table_privilege(class.oid, 'SELECT')
       AND NOT row_security_active(class.oid) AS has_pages
FROM part
JOIN pg_class AS class ON class.oid = part.relid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
LEFT JOIN pg_am ON pg_am.oid = class.relam
WHERE class.relkind <> 'p'
ORDER BY pages DESC, schema_name, table_name
