-- Reads loaded chunks as an application would: through their hypertables, with filters by which the
-- planner finds the chunks. It looks up the first and the last row of each of a chunk's own tables
-- by time, space partition, and the columns by which TimescaleDB may skip chunks
-- (chunk_column_stats) or compressed batches (_ts_meta_* in the compressed table).
--
-- Of a small chunk, all rows are counted instead, which takes one statement: if the hypertable shows as
-- many as were loaded, it shows the first and the last. That requires that only the time filters.
--
-- Returns no row if all are found. Otherwise the statement fails, so that it can precede a COMMIT
-- in a pipeline: with the error that keeps a chunk from being planned or read, in the context of a
-- statement that begins with a comment, "read back"; or, when a row is not found, with 22P02
-- (invalid_text_representation) and "read back: " and the reason in its message. This is how SQL
-- can raise an error with a given text: not every role may use a procedural language.
--
-- Each row's values are constants in a separate statement, so that the planner can use them.
-- query_to_xml() runs the text of a statement. Its results here are hexadecimal digits, which XML
-- does not escape.
--
-- $1: the loaded rows, [{"schema": ..., "hypertable": ..., "slices": {"column": [range_start,
--     range_end], ...}, "condition": ..., "loaded": true, "added": false}, ...]:
--     slices: those of the hypercube, as for find_chunks.sql
--     condition: SQL that is true for the rows, and perhaps for others between them
--     loaded: true if there are any rows
--     rows: their number, if it is known and they are not in batches; otherwise null
--     added: true if they were added to other rows. Then only this transaction's rows in the last 8
--     pages of a table are looked for, so that the others cost nothing.
WITH load AS MATERIALIZED (
    SELECT number, value ->> 'schema' AS schema_name, value ->> 'hypertable' AS table_name,
           format('%I.%I', value ->> 'schema', value ->> 'hypertable') AS hypertable,
           value -> 'slices' AS slices, value ->> 'condition' AS condition,
           (value ->> 'loaded')::boolean AS loaded, (value ->> 'added')::boolean AS added,
           (value ->> 'rows')::bigint AS rows
    FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS element (value, number)
),
wanted AS MATERIALIZED (
    SELECT load.number, load.hypertable, load.condition, load.added, load.rows,
           hypertable.id AS hypertable_id,
           dimension.id AS dimension_id,
           (slice.value ->> 0)::bigint AS range_start,
           (slice.value ->> 1)::bigint AS range_end,
           count(*) OVER (PARTITION BY load.number) AS dimensions
    FROM load
    JOIN _timescaledb_catalog.hypertable USING (schema_name, table_name)
    JOIN _timescaledb_catalog.dimension ON dimension.hypertable_id = hypertable.id
    JOIN jsonb_each(load.slices) AS slice ON slice.key = dimension.column_name
),
-- include timescale/overlapping_chunks.inc
-- The chunks that may have the rows. If the catalog is damaged, there may be none.
place AS MATERIALIZED (
    SELECT number, hypertable_id, hypertable, condition, added, rows, chunk_id
    FROM overlap
    GROUP BY number, hypertable_id, hypertable, condition, added, rows, chunk_id
    HAVING count(*) = min(dimensions)
),
item AS MATERIALIZED (
    SELECT place.number, place.hypertable, place.condition, place.added, place.rows,
           place.hypertable_id, place.chunk_id,
           count(*) OVER (PARTITION BY place.number) AS chunks,
           to_regclass(place.hypertable)::oid AS hypertable_oid,
           relation.name AS chunk,
           class.oid AS chunk_oid,
           pg_relation_size(class.oid) / current_setting('block_size')::bigint AS pages,
           CASE WHEN chunk.status & 1 = 1 THEN (
-- include timescale/compressed_table.inc
           ) END::oid AS compressed_oid,
           'age(xmin) <= age(' || quote_literal(pg_current_xact_id()::xid) || '::xid)' AS is_new
    FROM place
    CROSS JOIN LATERAL (
        SELECT * FROM _timescaledb_catalog.chunk WHERE chunk.id = place.chunk_id
        OFFSET 0) AS chunk
    CROSS JOIN LATERAL (
        SELECT coalesce(to_jsonb(chunk) ->> 'relid',
                        format('%I.%I', to_jsonb(chunk) ->> 'schema_name',
                                        to_jsonb(chunk) ->> 'table_name')) AS name
        OFFSET 0) AS relation
    CROSS JOIN LATERAL (SELECT to_regclass(relation.name)::oid AS oid OFFSET 0) AS class
),
-- Groups of chunks that are filtered by the same columns: all chunks without batches, and each chunk
-- with batches, whose columns for sorting and skipping may differ.
kind AS (
    SELECT DISTINCT hypertable_oid, hypertable_id, compressed_oid,
                    CASE WHEN compressed_oid IS NOT NULL THEN chunk_oid END AS compressed_chunk_oid
    FROM item
),
settings AS (
    SELECT kind.compressed_oid, settings.segmentby, settings.orderby
    FROM kind
    -- relid is the compressed table before 2.19, the chunk from then on
    JOIN _timescaledb_catalog.compression_settings AS settings
      ON settings.relid IN (kind.compressed_oid, kind.compressed_chunk_oid)
    WHERE kind.compressed_oid IS NOT NULL
),
filter AS (
    SELECT kind.hypertable_oid, kind.compressed_oid,
           -- an SQL expression whose value is ` AND "time" = '2025-01-01 00:00:00+00'::timestamptz ...`
           string_agg(format(
               'CASE WHEN %1$I IS NULL THEN '''' ELSE format(%2$L, %1$I::text) END',
               attribute.attname,
               format(' AND %s OPERATOR(%I.%s) %%L::%s',
                      replace(quote_ident(attribute.attname), '%', '%%'),
                      equality.nspname, equality.oprname,
                      replace(format_type(attribute.atttypid, attribute.atttypmod), '%', '%%'))),
               ' || ' ORDER BY attribute.attnum) AS expression,
           array_agg(attribute.attname::text) AS columns
    FROM kind
    LEFT JOIN settings USING (compressed_oid)
    CROSS JOIN LATERAL (SELECT * FROM pg_attribute
                        WHERE attrelid = kind.hypertable_oid AND attnum > 0 AND NOT attisdropped
                        OFFSET 0) AS attribute
    CROSS JOIN LATERAL (SELECT * FROM pg_type WHERE oid = attribute.atttypid OFFSET 0) AS type
    CROSS JOIN LATERAL (
        SELECT CASE type.typtype WHEN 'd' THEN type.typbasetype ELSE type.oid END AS oid) AS base
    -- The type's equality operator: that of its default operator class, in whatever schema it is.
    CROSS JOIN LATERAL (
        SELECT namespace.nspname, operator.oprname
        FROM pg_opclass AS class
        JOIN pg_am AS method ON method.oid = class.opcmethod AND method.amname IN ('btree', 'hash')
        JOIN pg_amop AS member
          ON member.amopfamily = class.opcfamily AND member.amoplefttype = class.opcintype
         AND member.amoprighttype = class.opcintype
         -- BTEqualStrategyNumber, HTEqualStrategyNumber in PostgreSQL's src/include/access/stratnum.h
         AND member.amopstrategy = CASE method.amname WHEN 'btree' THEN 3 ELSE 1 END
        JOIN pg_operator AS operator ON operator.oid = member.amopopr
        JOIN pg_namespace AS namespace ON namespace.oid = operator.oprnamespace
        WHERE class.opcdefault
          AND class.opcintype IN (base.oid,
                                  CASE base.oid WHEN 'varchar'::regtype THEN 'text'::regtype END,
                                  CASE type.typtype WHEN 'e' THEN 'anyenum'::regtype END)
        ORDER BY method.amname
        LIMIT 1
    ) AS equality
    WHERE EXISTS (SELECT FROM _timescaledb_catalog.dimension
                  WHERE hypertable_id = kind.hypertable_id AND column_name = attribute.attname)
       OR EXISTS (SELECT FROM _timescaledb_catalog.chunk_column_stats AS stats
                  WHERE stats.hypertable_id = kind.hypertable_id
                    AND stats.column_name = attribute.attname)
       OR attribute.attname = ANY (settings.segmentby) OR attribute.attname = ANY (settings.orderby)
       -- Their names end with those of their columns, which are truncated if they are long
       -- (compressed_column_metadata_name_v2 in TimescaleDB's tsl/src/compression/create.c).
       OR EXISTS (SELECT FROM pg_attribute AS metadata
                  WHERE metadata.attrelid = kind.compressed_oid
                    AND metadata.attname LIKE '\_ts\_meta\_v2\_%'
                    AND (strpos(metadata.attname::text, attribute.attname::text) > 0
                         OR octet_length(metadata.attname::text) = 63))
    GROUP BY kind.hypertable_oid, kind.compressed_oid
),
-- The column of time, unless a function computes the time from a column.
axis AS (
    SELECT kind.hypertable_oid, kind.compressed_oid, dimension.column_name AS name,
           EXISTS (SELECT FROM pg_index AS index
                   JOIN pg_class AS class ON class.oid = index.indexrelid
                   JOIN pg_am AS method ON method.oid = class.relam
                   WHERE index.indrelid = kind.hypertable_oid AND index.indpred IS NULL
                     AND method.amname = 'btree' AND index.indkey[0] = attribute.attnum) AS has_index,
           (SELECT number
            FROM settings, unnest(settings.orderby) WITH ORDINALITY AS orderby (name, number)
            WHERE settings.compressed_oid = kind.compressed_oid
              AND orderby.name = dimension.column_name
              AND has_table_privilege(kind.compressed_oid, 'SELECT')) AS orderby
    FROM kind
    CROSS JOIN LATERAL (SELECT * FROM _timescaledb_catalog.dimension
                        WHERE hypertable_id = kind.hypertable_id AND num_slices IS NULL
                        ORDER BY id LIMIT 1) AS dimension
    JOIN pg_attribute AS attribute ON attribute.attrelid = kind.hypertable_oid
                                  AND attribute.attname = dimension.column_name
    WHERE dimension.partitioning_func IS NULL
),
described AS MATERIALIZED (
    SELECT item.*, axis.name AS time, coalesce(axis.has_index, false) AS has_index, axis.orderby,
           format('encode(convert_to(%s, getdatabaseencoding()), ''hex'')', filter.expression) AS hex,
           item.compressed_oid IS NULL AND filter.columns = ARRAY[axis.name::text] AS only_time
    FROM item
    JOIN filter ON filter.hypertable_oid = item.hypertable_oid
               AND filter.compressed_oid IS NOT DISTINCT FROM item.compressed_oid
    LEFT JOIN axis ON axis.hypertable_oid = item.hypertable_oid
                  AND axis.compressed_oid IS NOT DISTINCT FROM item.compressed_oid
),
counted AS MATERIALIZED (
    SELECT number, chunk_id
    FROM (SELECT * FROM described
          WHERE only_time AND NOT added AND chunks = 1 AND pages BETWEEN 1 AND 8 AND rows IS NOT NULL
            AND condition <> 'true'
          OFFSET 0) AS small
    WHERE query_to_xml(format('/* read back */ SELECT count(*) = %s AS complete FROM %s WHERE %s',
                              rows, hypertable, condition), false, false, '')::text
          LIKE '%<complete>true</complete>%'
),
-- Statements that find the first and the last row of a table, and return the filters for them.
probe (number, chunk_id, statement) AS (
    -- Rows. Without an index, those at either end of the file if there are any, or else any row.
    SELECT number, chunk_id,
           CASE WHEN added
                THEN format('SELECT (SELECT %1$s FROM ONLY %2$s WHERE ctid = (%3$s LIMIT 1)) AS first, '
                            '(SELECT %1$s FROM ONLY %2$s WHERE ctid = (%3$s DESC LIMIT 1)) AS last',
                            hex, chunk,
                            -- (OFFSET 0 prevents a scan of an index on time from its beginning.)
                            format('SELECT ctid FROM (SELECT ctid, %1$s AS axis FROM ONLY %2$s '
                                   'WHERE ctid >= ''(%3$s,0)'' AND %4$s OFFSET 0) AS new '
                                   'ORDER BY axis', coalesce(quote_ident(time), 'NULL'), chunk,
                                   greatest(pages - 8, 0), is_new))
                WHEN has_index
                THEN format('SELECT (SELECT %1$s FROM ONLY %2$s WHERE (%3$s) ORDER BY %4$I LIMIT 1) '
                            'AS first, (SELECT %1$s FROM ONLY %2$s WHERE (%3$s) ORDER BY %4$I DESC '
                            'LIMIT 1) AS last', hex, chunk, condition, time)
                ELSE format('SELECT coalesce((SELECT %1$s FROM ONLY %2$s WHERE (%3$s) '
                            'AND ctid < ''(8,0)'' LIMIT 1), (SELECT %1$s FROM ONLY %2$s '
                            'WHERE (%3$s) LIMIT 1)) AS first, '
                            '(SELECT %1$s FROM ONLY %2$s WHERE (%3$s) AND ctid >= ''(%4$s,0)'' '
                            'LIMIT 1) AS last', hex, chunk, condition, greatest(pages - 8, 0)) END
    FROM described
    LEFT JOIN counted USING (number, chunk_id)
    WHERE pages > 0 AND counted.number IS NULL
    UNION ALL
    -- Batches: the first and the last time of all batches, then a row with each.
    SELECT number, chunk_id,
           CASE WHEN orderby IS NULL
                THEN format('SELECT (SELECT %s FROM %s LIMIT 1) AS first', hex, chunk)
                ELSE convert_from(decode(substring(query_to_xml(format(
                    '/* read back */ SELECT CASE WHEN count(*) > 0 THEN encode(convert_to('
                    'format(%L, min(%I)::text, max(%I)::text), getdatabaseencoding()), ''hex'') END '
                    'AS statement FROM ONLY %s WHERE %s',
                    format('SELECT coalesce((SELECT %1$s FROM %2$s WHERE %3$s = %%1$L LIMIT 1), '
                           '%4$L) AS first, coalesce((SELECT %1$s FROM %2$s WHERE %3$s = %%2$L '
                           'LIMIT 1), %4$L) AS last',
                           replace(hex, '%', '%%'), replace(chunk, '%', '%%'),
                           replace(quote_ident(time), '%', '%%'), encode(' AND false', 'hex')),
                    format('_ts_meta_min_%s', orderby), format('_ts_meta_max_%s', orderby),
                    compressed_oid::regclass,
                    CASE WHEN added
                         THEN format('ctid >= ''(%s,0)'' AND %s',
                                     greatest(pg_relation_size(compressed_oid)
                                              / current_setting('block_size')::bigint - 8, 0), is_new)
                         ELSE 'true' END), false, false, '')::text
                    from '<statement>([0-9a-f]*)</statement>'), 'hex'), getdatabaseencoding()) END
    FROM described
    WHERE compressed_oid IS NOT NULL
      AND (NOT added OR pg_stat_get_xact_tuples_inserted(compressed_oid) > 0)
),
probed AS MATERIALIZED (
    SELECT number, chunk_id,
           query_to_xml('/* read back */ ' || statement, false, false, '')::text AS row
    FROM probe
),
found AS MATERIALIZED (
    SELECT number, chunk_id,
           convert_from(decode(substring(row from '<first>([0-9a-f]*)</first>'), 'hex'),
                        getdatabaseencoding()) AS first,
           convert_from(decode(substring(row from '<last>([0-9a-f]*)</last>'), 'hex'),
                        getdatabaseencoding()) AS last
    FROM probed
),
-- Chunks in which no rows were found are planned and read, too.
looked AS MATERIALIZED (
    SELECT item.chunk, item.hypertable, found.first, found.last,
           query_to_xml(format('/* read back */ SELECT EXISTS (SELECT FROM %1$s WHERE %2$s) AS first, '
                               'EXISTS (SELECT FROM %1$s WHERE %3$s) AS last', item.hypertable,
                               coalesce('true' || found.first, item.condition),
                               coalesce('true' || found.last, item.condition)),
                        false, false, '')::text AS row
    FROM item
    LEFT JOIN found USING (number, chunk_id)
    LEFT JOIN counted USING (number, chunk_id)
    WHERE counted.number IS NULL
),
missing (reason) AS (
    SELECT format('%s has a row that is not found in %s by %s', chunk, hypertable,
                  left(replace(substr(filter, length(' AND ') + 1), 'OPERATOR(pg_catalog.=)', '='),
                       300))
    FROM looked
    CROSS JOIN LATERAL (
        SELECT CASE WHEN row LIKE '%<first>false</first>%' THEN first
                    WHEN row LIKE '%<last>false</last>%' THEN last END AS filter) AS lacking
    WHERE filter IS NOT NULL
    UNION ALL
    SELECT format('%s has none of them', hypertable)
    FROM load
    WHERE loaded AND NOT EXISTS (SELECT FROM counted WHERE counted.number = load.number)
      AND NOT EXISTS (SELECT FROM found
                      WHERE found.number = load.number
                        AND coalesce(found.first, found.last) IS NOT NULL)
)
SELECT format('read back: %s', reason)::int AS failure FROM missing
