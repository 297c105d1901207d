-- Which of some backends wait for a lock, for which lock, and for whom.
--
-- $1: their process numbers
SELECT waiting.pid,
       coalesce(format('%I.%I', namespace.nspname, class.relname),
                replace(lock.locktype, 'transactionid', 'transaction')) AS object,
       (SELECT string_agg(format('%s%s', holder.pid, ' ' || nullif(holder.application_name, '')),
                          ', ')
        FROM pg_stat_activity AS holder
        WHERE holder.pid = ANY (pg_blocking_pids(waiting.pid))) AS holders
FROM pg_stat_activity AS waiting
CROSS JOIN LATERAL (
    SELECT locktype, relation, database FROM pg_locks
    WHERE pg_locks.pid = waiting.pid AND NOT granted
    LIMIT 1) AS lock
LEFT JOIN pg_class AS class ON class.oid = lock.relation
LEFT JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE waiting.pid = ANY ($1::int[]) AND waiting.wait_event_type = 'Lock'
