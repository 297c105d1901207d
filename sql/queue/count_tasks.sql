-- The progress of the queue: one row.
SELECT count(*) AS total,
       count(*) FILTER (WHERE worked IS NULL) AS to_do,
       coalesce(sum(bytes) FILTER (WHERE worked IS NULL), 0)::bigint AS bytes_to_do,
       coalesce(max(bytes) FILTER (WHERE worked IS NULL), 0) AS largest_to_do,
       count(*) FILTER (WHERE worked IS NULL AND failed IS NOT NULL) AS failed,
       count(*) FILTER (WHERE worked IS NOT NULL AND NOT skipped) AS copied,
       count(*) FILTER (WHERE worked IS NOT NULL AND NOT skipped
                          AND verified IS NULL) AS unverified,
       coalesce(sum(bytes) FILTER (WHERE worked IS NOT NULL AND NOT skipped
                                     AND verified IS NULL), 0)::bigint AS bytes_unverified,
       count(*) FILTER (WHERE worked IS NOT NULL AND difference IS NOT NULL) AS differing,
       clock_timestamp()::text AS now
FROM __backfill.task
