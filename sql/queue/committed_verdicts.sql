-- The tasks whose verdicts, noted by finish_comparison.sql, were committed, unless the task has got
-- another one since. pg_xact_status() is not reliable: if the server crashes before the transaction
-- is on disk, another one may get the same ID (StartupXLOG in PostgreSQL's
-- src/backend/access/transam/xlog.c goes on from the last id that its log names).
--
-- $1: ids of tasks   $2: when each was compared
SELECT task.id
FROM __backfill.task
JOIN unnest($1::bigint[], $2::timestamptz[]) AS verdict (id, compared) USING (id, compared)
