-- Prints a line for each table and sequence of changing.sql, as tables.sql does.
SET timezone = 'UTC';

SELECT 'shop.address', 0, 0, ltrim(to_char(count(*), '999,999,990')),
       coalesce(sum(hashtextextended(t::text, 0)), 0)
FROM shop.address AS t
UNION ALL
SELECT 'shop.customer', 0, 0, ltrim(to_char(count(*), '999,999,990')),
       coalesce(sum(hashtextextended(t::text, 0)), 0)
FROM shop.customer AS t
UNION ALL
SELECT 'shop.orders', 0, 0, ltrim(to_char(count(*), '999,999,990')),
       coalesce(sum(hashtextextended(t::text, 0)), 0)
FROM shop.orders AS t
UNION ALL
SELECT format('%s.%s', schemaname, sequencename), 0, 0, '1', last_value
FROM pg_sequences WHERE schemaname = 'shop'
ORDER BY 1;
