-- Prints a line for each table of plain.sql or changing.sql, as tables.sql does, and for each sequence, with
-- its value as the digest. A table that is partitioned in the source is a hypertable in the target.
SET timezone = 'UTC';

SELECT format($$SELECT %1$L, 0, 0, ltrim(to_char(count(*), '999,999,990')),
                       coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %1$s AS t$$,
              format('%I.%I', namespace.nspname, class.relname))
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE class.relkind IN ('r', 'p') AND NOT class.relispartition
  AND namespace.nspname IN ('public', 'shop')
ORDER BY namespace.nspname, class.relname
\gexec
SELECT format('%I.%I', schemaname, sequencename), 0, 0, 1, last_value
FROM pg_sequences
WHERE schemaname IN ('public', 'shop')
ORDER BY 1;
