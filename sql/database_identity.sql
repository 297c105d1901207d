-- Something that two connections have in common only when they are to the same database of the
-- same running server. A hot standby has started at another time than its primary.
SELECT concat_ws('/', pg_postmaster_start_time(), current_setting('port'), oid) AS identity
FROM pg_database
WHERE datname = current_database()
