-- The number of other programs' sessions that run a statement, and whether some are hidden from this role
-- (pg_stat_get_activity in PostgreSQL's src/backend/utils/adt/pgstatfuncs.c) or have track_activities off.
SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active') AS active,
       coalesce(bool_or(backend_type IS NULL OR state = 'disabled'), false) AS are_hidden
FROM pg_stat_activity
WHERE application_name NOT LIKE 'timescaledb-backfill %'
  -- a user may give all sessions of this program another name
  AND application_name <> current_setting('application_name')
