-- The data of the report on a migration, one JSON object, as pieces of text: its beginning, one for each
-- chunk, and its end. Times are seconds since 1970, except the ranges of chunks, which are TimescaleDB's
-- internal values as text (JSON readers would round them).
--
-- $1: the target's name     $2: JSON list of the sequences that are behind the source's
WITH hypertable AS (
    SELECT name.*, row_number() OVER (ORDER BY name.shown_schema, name.shown_name) - 1 AS number
    FROM (
        SELECT DISTINCT ON (hypertable_schema, hypertable_name)
               hypertable_schema, hypertable_name, target_schema, target_name,
               cagg_name IS NOT NULL AS aggregate,
               coalesce(cagg_schema, hypertable_schema) AS shown_schema,
               coalesce(cagg_name, hypertable_name) AS shown_name
        FROM __backfill.task
    ) AS name
)
SELECT piece
FROM (
    SELECT 1 AS place, 0 AS position, left(json_build_object(
        'target', $1::text,
        'now', extract(epoch FROM clock_timestamp()),
        'hypertables', (
            SELECT json_agg(json_build_object(
                'name', format('%I.%I', shown_schema, shown_name),
                'aggregate', aggregate,
                -- the type of the time column in the target
                'type', (
                    SELECT format_type(dimension.column_type, NULL)
                    FROM _timescaledb_catalog.hypertable AS own
                    JOIN _timescaledb_catalog.dimension ON dimension.hypertable_id = own.id
                    WHERE own.schema_name = target_schema AND own.table_name = target_name
                      AND dimension.interval_length IS NOT NULL
                    ORDER BY dimension.id
                    LIMIT 1
                )
            ) ORDER BY number)
            FROM hypertable
        ),
        'sequences', $2::json,
        'runs', (
            SELECT json_agg(json_build_object(
                'id', id,
                'command', command,
                'host', host,
                'pid', pid,
                'started', extract(epoch FROM started),
                'seen', extract(epoch FROM coalesce(ended, seen)),
                'ended', ended IS NOT NULL
            ) ORDER BY id)
            FROM __backfill.run
        ),
        'files', (
            SELECT json_agg(json_build_object(
                'name', name,
                'table', format('%I.%I', table_schema, table_name),
                'state', state,
                'rows', rows,
                'rejected', rejected,
                'bytes', bytes,
                'error', error
            ) ORDER BY table_schema, table_name, name)
            FROM (
-- include queue/imported_files.inc
            ) AS file
        )
    )::text, -1) || ', "chunks" : [' AS piece
    UNION ALL
    SELECT 2, row_number() OVER ordered,
           CASE WHEN row_number() OVER ordered > 1 THEN ', ' ELSE '' END
           || json_strip_nulls(json_build_object(
               'hypertable', number,
               'name', concat_ws(' ', format('%I.%I', chunk_schema, chunk_name), nullif(part, '')),
               'from', lower(range)::text,
               'until', upper(range)::text,
               'size', bytes,
               'state', CASE
                   WHEN skipped THEN 'skipped'
                   WHEN worked IS NULL AND failed IS NOT NULL THEN 'failed'
                   WHEN worked IS NULL THEN 'to do'
                   WHEN difference IS NOT NULL THEN 'different'
                   WHEN verified IS NOT NULL THEN 'verified'
                   ELSE 'copied'
               END,
               'worked', extract(epoch FROM worked),
               'rows', rows_copied,
               'batches', batches_copied,
               'bytes', bytes_copied,
               'seconds', seconds,
               'run', run,
               'worker', worker,
               'compared', extract(epoch FROM compared),
               'difference', difference,
               'note', CASE WHEN worked IS NULL THEN error ELSE message END
           ))::text
    FROM __backfill.task
    JOIN hypertable USING (hypertable_schema, hypertable_name)
    WINDOW ordered AS (ORDER BY number, range, task.id)
    UNION ALL
    SELECT 3, 0, ']}'
) AS pieces
ORDER BY place, position
