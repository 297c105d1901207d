-- The table whose chunks or partitions, with their indexes, are most. A transaction that needs all of
-- them has as many locks. No row if no table has chunks or partitions.
WITH member AS (
    SELECT inhparent AS parent, inhrelid AS id
    FROM pg_inherits
    JOIN pg_class ON pg_class.oid = inhparent AND pg_class.relkind IN ('r', 'p')
)
SELECT namespace.nspname AS schema_name, class.relname AS table_name, most.relations
FROM (
    SELECT member.parent, count(DISTINCT member.id) + count(pg_index.indexrelid) AS relations
    FROM member
    LEFT JOIN pg_index ON pg_index.indrelid = member.id
    GROUP BY member.parent
    ORDER BY relations DESC, member.parent
    LIMIT 1
) AS most
JOIN pg_class AS class ON class.oid = most.parent
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
