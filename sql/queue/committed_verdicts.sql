-- The tasks whose verdicts, recorded by finish_comparison.sql, were committed, except tasks that have
-- got another verdict since. pg_xact_status() is not reliable here: if the server crashes before the
-- transaction is on disk, another one may get the same ID (StartupXLOG in PostgreSQL's
-- src/backend/access/transam/xlog.c continues with the last ID in its WAL).
--
-- $1: ids of tasks   $2: when each was compared
SELECT task.id
FROM __backfill.task
JOIN unnest($1::bigint[], $2::timestamptz[]) AS verdict (id, compared) USING (id, compared)
