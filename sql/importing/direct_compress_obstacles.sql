-- What keeps TimescaleDB from compressing rows of a hypertable while COPY loads them (choose_copy_method in
-- its src/copy.c), one row for each. 2.27.2 does not look for exclusion constraints.
--
-- $1, $2: the hypertable's schema and name
WITH hypertable AS (
    SELECT class.oid
    FROM pg_class AS class
    WHERE class.relname = $2::name AND class.relnamespace = to_regnamespace(quote_ident($1))
)
SELECT format('the unique index %I', class.relname) AS what
FROM hypertable
JOIN pg_index AS index ON index.indrelid = hypertable.oid
JOIN pg_class AS class ON class.oid = index.indexrelid
WHERE index.indisunique
UNION ALL
SELECT format('the constraint %I', conname)
FROM hypertable
JOIN pg_constraint ON conrelid = hypertable.oid
WHERE contype IN ('x', 'f')
UNION ALL
SELECT format('the trigger %I', tgname)
FROM hypertable
JOIN pg_trigger ON tgrelid = hypertable.oid
WHERE NOT tgisinternal AND tgname NOT IN ('ts_insert_blocker', 'ts_cagg_invalidation_trigger')
ORDER BY what
