-- A snapshot in which subtransactions in progress are in progress, too. pg_current_snapshot() lists
-- top-level transactions only, so that pg_visible_in_snapshot() takes a row that was written in a
-- savepoint for visible while its transaction is still open.
--
-- Of many ids since the oldest open transaction, only the last 100,000 are looked at.
WITH now AS MATERIALIZED (
    SELECT pg_current_snapshot() AS snapshot
), bound AS MATERIALIZED (
    SELECT snapshot,
           pg_snapshot_xmin(snapshot)::text::bigint AS xmin,
           pg_snapshot_xmax(snapshot)::text::bigint AS xmax
    FROM now
)
SELECT format('%s:%s:%s', xmin, xmax,
              (SELECT string_agg(id::text, ',' ORDER BY id)
               FROM (SELECT id::text::bigint AS id FROM pg_snapshot_xip(snapshot) AS id
                     UNION
                     SELECT id
                     FROM generate_series(greatest(xmin, xmax - 100000), xmax - 1) AS id
                     WHERE pg_xact_status(id::text::xid8) = 'in progress') AS open)) AS snapshot
FROM bound
