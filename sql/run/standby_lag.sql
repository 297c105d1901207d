-- How far this server's physical standbys are behind: what it has written, and a row for each standby
-- with what that has replayed. If the role may not see that, is_hidden is true.
--
-- Logical replication does not count: many of its receivers do not move while nothing changes.
SELECT standby.pid IS NOT NULL AND standby.state IS NULL AS is_hidden,
       coalesce(nullif(standby.application_name, ''), standby.client_addr::text,
                'process ' || standby.pid) AS name,
       (standby.replay_lsn - '0/0')::bigint AS replayed,
       extract(epoch FROM standby.replay_lag) AS seconds,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
           - '0/0')::bigint AS written
FROM (SELECT) AS one
LEFT JOIN pg_stat_replication AS standby
       ON (standby.state IS NULL OR standby.state IN ('catchup', 'streaming'))
      AND NOT EXISTS (SELECT FROM pg_replication_slots AS slot
                      WHERE slot.active_pid = standby.pid AND slot.slot_type = 'logical')
