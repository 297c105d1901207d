-- Counts the rows from the completion points on, and digests them with the transaction that wrote
-- each: rows that something has written anew, even the same, make another digest.
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
