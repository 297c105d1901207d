-- The setting that the size of the lock table depends on, and a value with which all tables and indexes
-- of this database would find room besides what the table can hold now: one row. In the hash table of
-- locks, each of a server's possible transactions has max_locks_per_transaction (NLOCKENTS in
-- PostgreSQL's src/backend/storage/lmgr/lock.c).
SELECT setting.present,
       greatest(2 * setting.present,
                setting.present + (SELECT count(*) FROM pg_class
                                   WHERE relkind IN ('r', 'p', 'm', 'i', 'I'))
                                  / setting.transactions + 1) AS enough,
       setting.present * setting.transactions AS locks
FROM (
    SELECT current_setting('max_locks_per_transaction')::bigint AS present,
           current_setting('max_connections')::bigint
           + current_setting('max_prepared_transactions')::bigint AS transactions
) AS setting
