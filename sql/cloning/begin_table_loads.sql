-- Begins to load the rows of tables by ranges of pages.
--
-- $1, $2: the tables' schemas and names   $3: the numbers of their ranges   $4: the run
INSERT INTO __backfill_clone.table_load AS load (schema_name, table_name, ranges_left, run)
SELECT wanted.*, $4::int
FROM unnest($1::name[], $2::name[], $3::int[]) AS wanted (schema_name, table_name, ranges)
ON CONFLICT (schema_name, table_name) DO UPDATE
SET ranges_left = excluded.ranges_left, run = excluded.run, rows = 0, bytes = 0
