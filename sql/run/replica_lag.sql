-- How far this standby is behind its primary, in seconds: NULL if that is unknown. One that has replayed
-- all that it has received is not behind as long as it is connected.
SELECT pg_is_in_recovery() AS is_replica,
       CASE WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()
                 AND EXISTS (SELECT FROM pg_stat_wal_receiver)
            THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
       END AS seconds
