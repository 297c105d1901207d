-- What single chunks have and their hypertables do not, or the other way round, by hypertable and kind of object, with an
-- example. The same for partitioned tables, which become hypertables.
--
-- An index of a chunk is its own if the hypertable has fewer of the same shape. Texts of expressions and conditions
-- are not compared, because TimescaleDB writes constants in another form for chunks.
--
-- $1: OIDs of hypertables and partitioned tables
-- $2: OIDs of hypertables whose chunks are reordered by a policy, which marks the index by which it does
WITH RECURSIVE descendant AS (
    SELECT inhrelid, inhparent FROM pg_inherits WHERE inhparent = ANY ($1::oid[])
    UNION ALL
    -- partitions of partitions
    SELECT pg_inherits.inhrelid, descendant.inhparent
    FROM descendant
    JOIN pg_inherits ON pg_inherits.inhparent = descendant.inhrelid
), chunk AS MATERIALIZED (
    SELECT class.oid,
           class.oid::regclass::text AS name,
           inhparent,
           class.reloptions,
           class.reltoastrelid,
           class.relreplident,
           class.relkind,
           class.relowner,
           class.relrowsecurity,
           class.relpersistence,
           class.relacl
    FROM descendant
    JOIN pg_class AS class ON class.oid = inhrelid
), shape AS MATERIALIZED (
    SELECT index.indexrelid,
           index.indrelid,
           index.indisvalid,
           index.indisclustered,
           class.reloptions,
           jsonb_build_array(
               class.relam, index.indisunique, index.indnkeyatts, index.indclass::text, index.indcollation::text,
               index.indoption::text, index.indexprs IS NULL, index.indpred IS NULL,
               (SELECT jsonb_agg(attname ORDER BY position)
                FROM unnest(index.indkey::smallint[]) WITH ORDINALITY AS key (number, position)
                LEFT JOIN pg_attribute ON attrelid = index.indrelid AND attnum = key.number)) AS shape
    FROM pg_index AS index
    JOIN pg_class AS class ON class.oid = index.indexrelid
    WHERE index.indrelid IN (SELECT oid FROM chunk UNION ALL SELECT unnest($1::oid[]))
), index AS MATERIALIZED (
    SELECT indexrelid, indrelid, indisvalid, indisclustered, reloptions, shape,
           row_number() OVER (PARTITION BY indrelid, shape ORDER BY indexrelid) AS number
    FROM shape
), pair AS MATERIALIZED (
    -- a FULL JOIN, because it is never a nested loop
    SELECT coalesce(own.inhparent, expected.inhparent) AS inhparent,
           own.indexrelid::regclass::text AS name,
           -- clone_not_dumped.sql lists indexes that are not valid.
           CASE WHEN own.indexrelid IS NULL AND expected.indisvalid
                THEN format('%s of %s', expected.indexrelid::regclass, expected.name) END AS missing,
           expected.indexrelid IS NULL AS is_own,
           own.indisclustered AND expected.indisclustered IS NOT TRUE AS is_clustered,
           own.reloptions,
           expected.reloptions AS expected_options
    FROM (SELECT chunk.oid, inhparent, index.*
          FROM chunk JOIN index ON indrelid = chunk.oid) AS own
    -- A tiered chunk is a foreign table.
    FULL JOIN (SELECT chunk.oid, inhparent, name, index.*
               FROM chunk JOIN index ON indrelid = inhparent
               WHERE relkind <> 'f') AS expected
           ON expected.oid = own.oid AND expected.shape = own.shape AND expected.number = own.number
), attribute AS MATERIALIZED (
    -- attcompression is from PostgreSQL 14 on. Before, the name stands for that of before_14.
    SELECT known.*, chunk.inhparent, chunk.name
    FROM (SELECT ''::"char" AS attcompression) AS before_14
    CROSS JOIN LATERAL (
        SELECT attrelid, attname, attnotnull, attstorage, coalesce(attstattarget, -1) AS attstattarget,
               attcompression, attoptions, attacl, pg_get_expr(adbin, adrelid) AS value
        FROM pg_attribute
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attnum > 0 AND NOT attisdropped
          AND attrelid IN (SELECT oid FROM chunk UNION ALL SELECT unnest($1::oid[]))) AS known
    LEFT JOIN chunk ON chunk.oid = known.attrelid
), extra AS (
    SELECT inhparent, 'indexes' AS kind, name AS object FROM pair WHERE is_own
    UNION ALL
    SELECT inhparent, 'missing indexes', missing FROM pair WHERE missing IS NOT NULL
    UNION ALL
    SELECT inhparent, 'CLUSTER ON settings', name
    FROM pair
    WHERE is_clustered AND inhparent NOT IN (SELECT unnest($2::oid[]))
    UNION ALL
    SELECT inhparent, 'parameters of indexes', format('%s of %s', option, name)
    FROM pair
    CROSS JOIN LATERAL (SELECT unnest(reloptions) EXCEPT SELECT unnest(expected_options)) AS own (option)
    WHERE NOT is_own
    UNION ALL
    SELECT inhparent, 'triggers', format('%I of %s', tgname, chunk.name)
    FROM pg_trigger AS trigger
    JOIN chunk ON chunk.oid = tgrelid
    WHERE NOT tgisinternal
      AND NOT EXISTS (SELECT FROM pg_trigger AS of_hypertable
                      WHERE of_hypertable.tgrelid = inhparent
                        AND of_hypertable.tgname = trigger.tgname
                        AND of_hypertable.tgfoid = trigger.tgfoid
                        AND of_hypertable.tgtype = trigger.tgtype)
    UNION ALL
    -- TimescaleDB gives those of slices, and copies of foreign keys, such names (chunk_constraint_choose_name in
    -- src/chunk_constraint.c); later, copies have the name of the hypertable's.
    SELECT inhparent, 'constraints', format('%I of %s', conname, chunk.name)
    FROM pg_constraint AS own
    JOIN chunk ON chunk.oid = conrelid
    WHERE contype IN ('c', 'f') AND coninhcount = 0 AND conparentid = 0
      AND conname !~ '^(constraint_[0-9]+$|[0-9]+_[0-9]+_)'
      AND NOT EXISTS (SELECT FROM pg_constraint AS of_hypertable
                      WHERE of_hypertable.conrelid = inhparent
                        AND of_hypertable.conname = own.conname
                        AND of_hypertable.contype = own.contype)
    UNION ALL
    SELECT inhparent, 'rules', format('%I of %s', rulename, chunk.name)
    FROM pg_rewrite
    JOIN chunk ON chunk.oid = ev_class
    UNION ALL
    SELECT inhparent, 'policies', format('%I of %s', polname, chunk.name)
    FROM pg_policy
    JOIN chunk ON chunk.oid = polrelid
    UNION ALL
    SELECT inhparent, 'statistics objects', format('%I.%I', nspname, stxname)
    FROM pg_statistic_ext
    JOIN pg_namespace ON pg_namespace.oid = stxnamespace
    JOIN chunk ON chunk.oid = stxrelid
    UNION ALL
    SELECT inhparent, 'storage parameters', format('%s of %s', option, chunk.name)
    FROM chunk
    JOIN pg_class AS hypertable ON hypertable.oid = inhparent
    LEFT JOIN pg_class AS toast ON toast.oid = chunk.reltoastrelid
    LEFT JOIN pg_class AS toast_of_hypertable ON toast_of_hypertable.oid = hypertable.reltoastrelid
    CROSS JOIN LATERAL (
        SELECT unnest(chunk.reloptions) EXCEPT SELECT unnest(hypertable.reloptions)
        UNION ALL
        (SELECT 'toast.' || unnest(toast.reloptions)
         EXCEPT SELECT 'toast.' || unnest(toast_of_hypertable.reloptions))) AS own (option)
    UNION ALL
    SELECT own.inhparent, setting.kind, format('%I of %s', own.attname, own.name)
    FROM attribute AS own
    JOIN attribute AS of_hypertable
      ON of_hypertable.attrelid = own.inhparent AND of_hypertable.attname = own.attname
    CROSS JOIN LATERAL (
        VALUES
            ('settings of columns',
             (own.attstorage, own.attstattarget, own.attcompression)
             <> (of_hypertable.attstorage, of_hypertable.attstattarget, of_hypertable.attcompression)
             -- Debian's PostgreSQL 15 adds pg_attver, which differs by table.
             OR EXISTS (SELECT FROM unnest(own.attoptions) AS option
                        WHERE option NOT LIKE 'pg\_attver=%'
                          AND (option = ANY (of_hypertable.attoptions)) IS NOT TRUE)),
            ('NOT NULL constraints', own.attnotnull AND NOT of_hypertable.attnotnull),
            ('default values', own.value IS DISTINCT FROM of_hypertable.value),
            ('privileges', own.attacl IS NOT NULL
                           AND EXISTS (SELECT unnest(own.attacl::text[])
                                       EXCEPT SELECT unnest(of_hypertable.attacl::text[])))) AS setting (kind, is_own)
    WHERE setting.is_own
    UNION ALL
    SELECT inhparent, setting.kind, chunk.name
    FROM chunk
    JOIN pg_class AS hypertable ON hypertable.oid = inhparent
    CROSS JOIN LATERAL (
        VALUES ('owners', chunk.relowner <> hypertable.relowner),
               ('replica identities', chunk.relreplident <> hypertable.relreplident),
               -- Chunks do not have it if their hypertable has it.
               ('row-level security', chunk.relrowsecurity AND NOT hypertable.relrowsecurity),
               ('UNLOGGED', chunk.relpersistence <> hypertable.relpersistence),
               ('privileges', EXISTS (SELECT unnest(chunk.relacl::text[])
                                      EXCEPT SELECT unnest(hypertable.relacl::text[])))) AS setting (kind, is_own)
    WHERE setting.is_own
    UNION ALL
    -- From 2.31 on, TimescaleDB adds the chunks that a hypertable has to its publications, but by default no
    -- later ones (ts_guc_enable_chunk_auto_publication in src/guc.c).
    SELECT inhparent, 'publications', format('%I of %s', pubname, chunk.name)
    FROM pg_publication_rel
    JOIN pg_publication ON pg_publication.oid = prpubid
    JOIN chunk ON chunk.oid = prrelid
    UNION ALL
    SELECT inhparent, 'comments', chunk.name
    FROM pg_description
    JOIN (SELECT oid, inhparent, name FROM chunk
          UNION ALL
          SELECT indexrelid, inhparent, indexrelid::regclass::text
          FROM shape
          JOIN chunk ON chunk.oid = indrelid) AS chunk ON objoid = chunk.oid
    WHERE classoid = 'pg_class'::regclass
)
SELECT hypertable.oid,
       namespace.nspname AS schema_name,
       hypertable.relname AS table_name,
       hypertable.relkind = 'p' AS is_partitioned,
       extra.kind,
       count(*) AS objects,
       min(extra.object) AS example
FROM extra
JOIN pg_class AS hypertable ON hypertable.oid = extra.inhparent
JOIN pg_namespace AS namespace ON namespace.oid = hypertable.relnamespace
GROUP BY 1, 2, 3, 4, 5
ORDER BY 2, 3, 5
