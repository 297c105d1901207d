-- Tables for which two tasks contain the same rows, because the target's chunk interval was changed, or
-- an index on time was created or dropped, between two stages.
SELECT DISTINCT one.chunk_schema, one.chunk_name
FROM __backfill.task AS one
JOIN __backfill.task AS other
  ON other.chunk_schema = one.chunk_schema AND other.chunk_name = one.chunk_name
 AND other.id > one.id AND other.slice && one.slice
ORDER BY 1, 2
