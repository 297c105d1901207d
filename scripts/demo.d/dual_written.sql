-- Counts the rows from the completion points on, and computes a digest of them and of the
-- transactions that wrote them: it changes if a row is rewritten, even with the same values.
-- :until and :until_tick are the completion points.
SET timezone = 'UTC';

SELECT ltrim(to_char(count(*), '999,999,990')), sum(hashtextextended(row, 0))
FROM (
    SELECT format('%s %s', xmin, t) FROM public.conditions AS t WHERE time >= :'until'
    UNION ALL
    SELECT format('%s %s', xmin, t) FROM public.event AS t WHERE time >= :'until'
    UNION ALL
    SELECT format('%s %s', xmin, t) FROM metrics.cpu AS t WHERE time >= :'until'
    UNION ALL
    SELECT format('%s %s', xmin, t) FROM machine.counters AS t WHERE tick >= :until_tick
) AS written (row);
