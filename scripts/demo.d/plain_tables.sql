-- Prints a line for each table of plain.sql, as tables.sql does.
SET timezone = 'UTC';

SELECT 'public.rainfall', 0, 0, ltrim(to_char(count(*), '999,999,990')),
       coalesce(sum(hashtextextended(t::text, 0)), 0)
FROM public.rainfall AS t
UNION ALL
SELECT 'public.station', 0, 0, ltrim(to_char(count(*), '999,999,990')),
       coalesce(sum(hashtextextended(t::text, 0)), 0)
FROM public.station AS t
ORDER BY 1;
