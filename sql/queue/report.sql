-- The data of the report on a migration, one JSON object, and the number of all chunks: one row. What
-- the page draws is added up here, so that the object stays small: of each chunk there is a letter for
-- its state, of the throughput 240 steps, of each worker at most 1,000 bars. The page lists only some
-- chunks: those that differ, those that failed, and then the slowest. Times are seconds since 1970,
-- except the ranges of chunks, which are TimescaleDB's internal values as text (JSON readers would round
-- them).
--
-- $1: the target's name     $2: JSON list of the sequences that are behind the source's
WITH hypertable AS (
    SELECT name.*, row_number() OVER (ORDER BY name.shown_schema, name.shown_name) - 1 AS number
    FROM (
        SELECT DISTINCT ON (hypertable_schema, hypertable_name)
               hypertable_schema, hypertable_name,
               cagg_name IS NOT NULL AS aggregate, time_type,
               coalesce(cagg_schema, hypertable_schema) AS shown_schema,
               coalesce(cagg_name, hypertable_name) AS shown_name
        FROM __backfill.task
    ) AS name
), chunk AS MATERIALIZED (
    SELECT task.id, hypertable.number, task.range, task.bytes AS size, task.rows_copied,
           task.batches_copied, task.bytes_copied, coalesce(task.seconds, 0) AS seconds, task.run,
           task.worker, task.compared_by, extract(epoch FROM task.worked)::double precision AS worked,
           CASE WHEN task.skipped THEN 'skipped'
                WHEN task.worked IS NULL AND task.failed IS NOT NULL THEN 'failed'
                WHEN task.worked IS NULL THEN 'to do'
                WHEN task.difference IS NOT NULL THEN 'different'
                WHEN task.verified IS NOT NULL THEN 'verified'
                ELSE 'copied' END AS state
    FROM __backfill.task
    JOIN hypertable USING (hypertable_schema, hypertable_name)
), placed AS (
    SELECT chunk.*, row_number() OVER (PARTITION BY number ORDER BY range, id) - 1 AS cell
    FROM chunk
), listed AS (
    SELECT placed.*, row_number() OVER (PARTITION BY placed.state ORDER BY placed.id) AS place_in_state
    FROM placed
    ORDER BY state NOT IN ('different', 'failed'), seconds DESC, id
    LIMIT 1500
), done AS (
    -- Chunks that were loaded together have one end, and each its share of the time: here one begins
    -- when the one before it ends.
    SELECT id, number, run, worker, seconds, bytes_copied, one_after_another.until,
           one_after_another.until - seconds AS start
    FROM (
        SELECT chunk.*,
               worked - coalesce(sum(seconds) OVER (
                   PARTITION BY run, worker, worked ORDER BY id DESC
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS until
        FROM chunk
        WHERE worked IS NOT NULL AND state <> 'skipped'
    ) AS one_after_another
), span AS (
    SELECT first, greatest(last, first + 0.001) AS last,
           (greatest(last, first + 0.001) - first) / 240 AS step,
           greatest(20, least(1000, 20000 / greatest(lanes, 1))) AS slots
    FROM (
        SELECT min(start) AS first, max(until) AS last, count(DISTINCT (run, worker)) AS lanes
        FROM done
    ) AS of_done
), throughput AS (
    SELECT step.number,
           sum(bytes_copied * greatest(0, least(until, first + (step.number + 1) * span.step)
                                          - greatest(start, first + step.number * span.step))
               / greatest(until - start, 1e-6)) / span.step AS rate
    FROM done
    CROSS JOIN span
    CROSS JOIN LATERAL generate_series(
        greatest(0, floor((start - first) / span.step)::int),
        least(239, floor((until - first) / span.step)::int)) AS step (number)
    GROUP BY step.number, span.step
), bar AS (
    -- the chunks of a worker that begin within one slot of time
    SELECT run, worker, min(start) AS start, max(until) AS until, count(*) AS chunks,
           mode() WITHIN GROUP (ORDER BY number) AS number
    FROM done
    CROSS JOIN span
    GROUP BY run, worker, floor((start - first) / (last - first) * slots)
), lane AS (
    SELECT run, worker, sum(chunks) AS chunks,
           json_agg(json_build_array(round(10000 * (start - first) / (last - first)),
                                     greatest(1, round(10000 * (until - start) / (last - first))),
                                     number, chunks) ORDER BY start) AS bars
    FROM bar
    CROSS JOIN span
    GROUP BY run, worker
), busy AS (
    -- in which at least one worker was loading
    SELECT sum(greatest(0, until - greatest(start, before))) AS seconds
    FROM (
        SELECT start, until, max(until) OVER (ORDER BY start ROWS BETWEEN UNBOUNDED PRECEDING
                                              AND 1 PRECEDING) AS before
        FROM done
    ) AS in_order
), file AS (
-- include queue/imported_files.inc
)
SELECT (SELECT count(*) FROM chunk) AS chunks, json_build_object(
    'target', $1::text,
    'now', extract(epoch FROM clock_timestamp()),
    'first', (SELECT first FROM span),
    'last', (SELECT last FROM span),
    'busy', (SELECT seconds FROM busy),
    'hypertables', (
        SELECT json_agg(json_build_object(
            'name', format('%I.%I', shown_schema, shown_name),
            'aggregate', aggregate,
            'type', time_type,
            'size', sums.size,
            'size_done', sums.size_done,
            'rows', sums.rows,
            'batches', sums.batches,
            'bytes', sums.bytes,
            'seconds', sums.seconds,
            'compared_by', jsonb_strip_nulls(jsonb_build_object(
                'batches', sums.by_batches, 'digests', sums.by_digests,
                'aggregates', sums.by_aggregates)),
            'cells', sums.cells
        ) ORDER BY number)
        FROM hypertable
        JOIN (
            SELECT number, sum(size) AS size,
                   sum(size) FILTER (WHERE worked IS NOT NULL AND state <> 'skipped') AS size_done,
                   sum(rows_copied) FILTER (WHERE worked IS NOT NULL) AS rows,
                   sum(batches_copied) FILTER (WHERE worked IS NOT NULL) AS batches,
                   sum(bytes_copied) FILTER (WHERE worked IS NOT NULL) AS bytes,
                   round(sum(seconds) FILTER (WHERE worked IS NOT NULL)::numeric, 2) AS seconds,
                   sum((compared_by = 'batches')::int) FILTER (WHERE worked IS NOT NULL)
                       AS by_batches,
                   sum((compared_by = 'digests')::int) FILTER (WHERE worked IS NOT NULL)
                       AS by_digests,
                   sum((compared_by = 'aggregates')::int) FILTER (WHERE worked IS NOT NULL)
                       AS by_aggregates,
                   string_agg(left(state, 1), '' ORDER BY cell) AS cells
            FROM placed
            GROUP BY number
        ) AS sums USING (number)
    ),
    'throughput', (
        SELECT json_agg(round(coalesce(rate, 0)) ORDER BY step.number)
        FROM generate_series(0, 239) AS step (number)
        LEFT JOIN throughput USING (number)
    ),
    'lanes', (
        SELECT json_agg(json_build_object('run', run, 'worker', worker, 'chunks', chunks,
                                          'bars', bars) ORDER BY run, worker)
        FROM lane
    ),
    'sequences', $2::json,
    'passes', (
        SELECT json_agg(json_build_object(
            'number', number,
            'staged', extract(epoch FROM staged),
            'added', added,
            'grown', grown,
            'changed', changed,
            'gone', gone,
            'size', bytes
        ) ORDER BY number)
        FROM (SELECT * FROM __backfill.pass ORDER BY number DESC LIMIT 500) AS pass
    ),
    'runs', (
        SELECT json_agg(json_build_object(
            'id', id,
            'command', command,
            'host', host,
            'pid', pid,
            'started', extract(epoch FROM started),
            'seen', extract(epoch FROM coalesce(ended, seen)),
            'ended', ended IS NOT NULL,
            'done', chunks_done,
            'waits', waits
        ) ORDER BY id)
        FROM (SELECT * FROM __backfill.run ORDER BY id DESC LIMIT 500) AS run
    ),
    'all_tables', (SELECT count(*) FROM __backfill.synced_table),
    'tables', (
        SELECT json_agg(json_build_object(
            'name', format('%I.%I', table_schema, table_name),
            'synced', extract(epoch FROM synced),
            'rows', rows,
            'inserted', inserted,
            'updated', updated,
            'deleted', deleted,
            'left', rows_left,
            'seconds', seconds,
            'error', left(error, 400)
        ) ORDER BY table_schema, table_name)
        FROM (SELECT * FROM __backfill.synced_table
              ORDER BY error IS NULL, rows_left = 0, table_schema, table_name
              LIMIT 500) AS synced_table
    ),
    'all_files', (SELECT count(*) FROM file),
    'files', (
        SELECT json_agg(json_build_object(
            'name', name,
            'table', format('%I.%I', table_schema, table_name),
            'state', state,
            'rows', rows,
            'rejected', rejected,
            'bytes', bytes,
            'error', left(error, 400)
        ) ORDER BY table_schema, table_name, name)
        FROM (SELECT * FROM file ORDER BY error IS NULL, table_schema, table_name, name LIMIT 500)
            AS file
    ),
    'chunks', (
        SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
            'hypertable', listed.number,
            'cell', cell,
            'name', concat_ws(' ', format('%I.%I', chunk_schema, chunk_name), nullif(part, '')),
            'from', lower(listed.range)::text,
            'until', upper(listed.range)::text,
            'size', listed.size,
            'state', state,
            'worked', listed.worked,
            'start', done.start,
            'end', done.until,
            'rows', task.rows_copied,
            'batches', task.batches_copied,
            'bytes', task.bytes_copied,
            'seconds', task.seconds,
            'run', task.run,
            'worker', task.worker,
            'compared', extract(epoch FROM task.compared),
            'compared_by', task.compared_by,
            'difference', CASE WHEN place_in_state <= 100 AND length(difference::text) <= 4000
                               THEN difference ELSE difference - 'examples' END,
            'note', left(CASE WHEN task.worked IS NULL THEN error ELSE message END, 400)
        )) ORDER BY listed.number, cell), '[]')
        FROM listed
        JOIN __backfill.task USING (id)
        LEFT JOIN done USING (id)
    )
)::text AS report
