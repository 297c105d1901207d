-- The progress of the queue, for each hypertable.
WITH in_flight AS (
    SELECT DISTINCT task.id::bigint AS id
    FROM __backfill.run
    CROSS JOIN LATERAL jsonb_array_elements(run.workers) AS worker
    CROSS JOIN LATERAL jsonb_array_elements_text(worker -> 'tasks') AS task (id)
    WHERE run.ended IS NULL AND run.seen > clock_timestamp() - interval '15 seconds'
)
SELECT coalesce(cagg_schema, hypertable_schema) AS schema_name,
       coalesce(cagg_name, hypertable_name) AS table_name,
       count(*) AS chunks,
       sum(bytes)::bigint AS bytes,
       count(*) FILTER (WHERE worked IS NOT NULL) AS done,
       coalesce(sum(bytes) FILTER (WHERE worked IS NOT NULL), 0)::bigint AS bytes_done,
       count(*) FILTER (WHERE skipped) AS skipped,
       count(*) FILTER (WHERE worked IS NULL AND failed IS NOT NULL) AS failed,
       count(*) FILTER (WHERE in_flight.id IS NOT NULL) AS in_flight,
       count(*) FILTER (WHERE worked IS NOT NULL AND verified IS NOT NULL) AS verified,
       count(*) FILTER (WHERE worked IS NOT NULL AND difference IS NOT NULL) AS differing
FROM __backfill.task
LEFT JOIN in_flight USING (id)
GROUP BY 1, 2
ORDER BY 1, 2
