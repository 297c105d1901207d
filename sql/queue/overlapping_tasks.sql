-- Tables of which two tasks contain the same rows, because they were staged when the target had
-- another chunk interval, or when the table had an index on time, or had none.
SELECT DISTINCT one.chunk_schema, one.chunk_name
FROM __backfill.task AS one
JOIN __backfill.task AS other
  ON other.chunk_schema = one.chunk_schema AND other.chunk_name = one.chunk_name
 AND other.id > one.id AND other.slice && one.slice
ORDER BY 1, 2
