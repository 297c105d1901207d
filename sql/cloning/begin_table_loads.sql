-- Begins to load the rows of tables by ranges of pages.
--
-- $1, $2: the tables' schemas and names   $3: the numbers of their ranges   $4: digests of the statements that
-- build their indexes   $5: the run
INSERT INTO __backfill_clone.table_load AS load (schema_name, table_name, ranges_left, index_digest, run)
SELECT wanted.*, $5::int
FROM unnest($1::name[], $2::name[], $3::int[], $4::text[])
    AS wanted (schema_name, table_name, ranges, index_digest)
ON CONFLICT (schema_name, table_name) DO UPDATE
SET ranges_left = excluded.ranges_left, index_digest = excluded.index_digest, run = excluded.run,
    rows = 0, bytes = 0, indexes = NULL
