-- The database of the source, for longer than its server runs: what a restart or a failover to a standby does
-- not change. Roles that may not call pg_control_system() know the database only by its number.
--
-- $1: the cluster's identifier, if the role may read it
SELECT concat_ws('/', $1::text, database.oid, database.datname) AS identity
FROM pg_database AS database
WHERE database.datname = current_database()
