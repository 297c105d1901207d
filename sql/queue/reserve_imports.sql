-- Reserves files for the session, unless another session has them: a row for each that was not
-- reserved.
--
-- $1, $2: schema and name of the table   $3: the files' names
SELECT name
FROM (SELECT name, pg_try_advisory_lock(hashtext('__backfill.import'), id::int) AS is_free
      FROM __backfill.import
      WHERE (table_schema, table_name) = ($1::name, $2::name) AND name = ANY ($3::text[])) AS file
WHERE NOT is_free
ORDER BY name
