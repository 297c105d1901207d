-- What there is to know about chunks before they are read or loaded: a row for each that is there.
-- See chunks_in_range.sql for why catalog rows are read as JSON.
--
-- $1: the chunks' qualified and quoted names; number is the place of one in this array, from 1
WITH RECURSIVE chunk AS (
    SELECT wanted.number,
           catalog_chunk.id,
           catalog_chunk.hypertable_id,
           catalog_chunk.status,
           wanted.relid,
           CASE WHEN catalog_chunk.status & 1 = 1 THEN coalesce(
               (SELECT to_regclass(to_jsonb(settings) ->> 'compress_relid')
                FROM _timescaledb_catalog.compression_settings AS settings
                WHERE settings.relid = wanted.relid),
               (SELECT to_regclass(format('%I.%I', to_jsonb(inner_chunk) ->> 'schema_name',
                                                   to_jsonb(inner_chunk) ->> 'table_name'))
                FROM _timescaledb_catalog.chunk AS inner_chunk
                WHERE inner_chunk.id = (to_jsonb(catalog_chunk) ->> 'compressed_chunk_id')::int)
           ) END::oid AS compressed_relid
    FROM (SELECT number, to_regclass(name)::oid AS relid
          FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
          OFFSET 0) AS wanted
    JOIN _timescaledb_catalog.chunk AS catalog_chunk
      ON catalog_chunk.id = _timescaledb_functions.chunk_id_from_relid(wanted.relid)
),
-- columns: plain_chunks.sql has the same
-- Most chunks have the columns of others: those of one stand for all that are alike.
-- (OFFSET 0 has the catalogs looked up row by row: the planner expects far more rows than there
-- are, and would read whole catalogs.)
relation AS (
    SELECT relid, min(relid) OVER (PARTITION BY signature) AS like_relid
    FROM (SELECT attribute.attrelid AS relid,
                 array_agg((attribute.attname, attribute.atttypid, attribute.atttypmod,
                            attribute.attgenerated, attribute.attcollation, attribute.attstorage,
                            attribute.attstattarget, attribute.atthasmissing)::text ORDER BY attribute.attnum) AS signature
          FROM chunk
          CROSS JOIN LATERAL unnest(ARRAY[chunk.relid, chunk.compressed_relid]) AS one (relid)
          CROSS JOIN LATERAL (
              SELECT * FROM pg_attribute
              WHERE attrelid = one.relid AND attnum > 0 AND NOT attisdropped
              OFFSET 0) AS attribute
          GROUP BY attribute.attrelid) AS signed
),
attribute AS (
    SELECT attribute.*
    FROM (SELECT DISTINCT like_relid FROM relation) AS relation
    CROSS JOIN LATERAL (
        SELECT * FROM pg_attribute
        WHERE attrelid = relation.like_relid AND attnum > 0 AND NOT attisdropped
        OFFSET 0) AS attribute
),
-- Each column's type and the types inside it. Binary COPY does not do when one of them has no
-- binary form; or has one that is an OID, which means something else on another server (the reg*
-- types); or refuses what it sends for an empty value (int2vector, oidvector, tsquery). The OIDs
-- that arrays and composites send of their elements' types matter only when both are built in
-- (array_recv, record_recv in PostgreSQL's src/backend/utils/adt, from 14 on).
part (attrelid, attnum, type) AS (
    SELECT attribute.attrelid, attribute.attnum, attribute.atttypid FROM attribute
    UNION
    SELECT part.attrelid, part.attnum, inside.type
    FROM part
    CROSS JOIN LATERAL (SELECT * FROM pg_type WHERE oid = part.type OFFSET 0) AS type
    CROSS JOIN LATERAL (
        SELECT type.typelem WHERE type.typcategory = 'A'
        UNION ALL
        SELECT type.typbasetype WHERE type.typtype = 'd'
        UNION ALL
        SELECT member.atttypid
        FROM pg_attribute AS member
        WHERE type.typtype = 'c' AND member.attrelid = type.typrelid
          AND member.attnum > 0 AND NOT member.attisdropped
        UNION ALL
        SELECT range.rngsubtype FROM pg_range AS range WHERE range.rngtypid = type.oid
        UNION ALL
        SELECT range.rngsubtype FROM pg_range AS range WHERE range.rngmultitypid = type.oid
    ) AS inside (type)
),
as_text AS (
    SELECT part.attrelid, part.attnum,
           bool_or(type.typsend = 0 OR type.typreceive = 0
                   -- FirstNormalObjectId, src/include/access/transam.h
                   OR (type.oid < 16384 AND type.typname IN (
                           'regclass', 'regcollation', 'regconfig', 'regdictionary',
                           'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure',
                           'regrole', 'regtype', 'int2vector', 'oidvector', 'tsquery'))) AS as_text
    FROM part
    CROSS JOIN LATERAL (SELECT * FROM pg_type WHERE oid = part.type OFFSET 0) AS type
    GROUP BY part.attrelid, part.attnum
),
-- TimescaleDB cuts the names of columns short for those of metadata, and so, maybe, within a
-- character (compressed_column_metadata_name_v2 in its tsl/src/compression/create.c). A name that
-- is no UTF-8 can be named in no statement; it is left empty.
utf8 AS (
    SELECT '^([0-7].|[cd].[89ab].|e.([89ab].){2}|f.([89ab].){3})*$' AS pattern
),
columns AS (
    SELECT attribute.attrelid,
           jsonb_agg(jsonb_build_object(
               'name', CASE WHEN encode(textsend(attribute.attname::text), 'hex') ~ utf8.pattern
                            THEN attribute.attname ELSE '' END,
               'type', format_type(attribute.atttypid, attribute.atttypmod),
               'generated', attribute.attgenerated <> '',
               -- the name of a built-in type; others, and enums, may mean something else elsewhere
               'built_in', CASE WHEN type.oid < 16384 THEN type.typname END,
               'enum', type.typtype = 'e',
               'collatable', attribute.attcollation <> 0,
               'sorting', sorting.name,
               'missing', attribute.atthasmissing,
               'as_text', as_text.as_text,
               'storage', attribute.attstorage,
               'statistics', attribute.attstattarget,
               'collation', CASE WHEN attribute.attcollation <> type.typcollation
                                 THEN (SELECT format('%I.%I', namespace.nspname,
                                                              collation_.collname)
                                       FROM pg_collation AS collation_
                                       JOIN pg_namespace AS namespace
                                         ON namespace.oid = collation_.collnamespace
                                       WHERE collation_.oid = attribute.attcollation) END)
               ORDER BY attribute.attnum) AS list
    FROM attribute
    CROSS JOIN utf8
    CROSS JOIN LATERAL (SELECT * FROM pg_type WHERE oid = attribute.atttypid OFFSET 0) AS type
    -- What sorts the values of a collatable column, or of the default collation. The catalogs'
    -- columns differ by version.
    LEFT JOIN LATERAL (
        SELECT CASE WHEN locale.provider = 'c' AND locale.name IN ('C', 'POSIX') THEN 'C'
                    ELSE concat_ws(' ', locale.provider, locale.name, locale.rules, locale.version)
               END AS name
        FROM pg_collation AS collation_
        LEFT JOIN pg_database AS database
               ON database.datname = current_database() AND collation_.collprovider = 'd'
        CROSS JOIN LATERAL (
            SELECT coalesce(to_jsonb(database), '{}') || to_jsonb(collation_) AS row OFFSET 0
        ) AS catalog
        CROSS JOIN LATERAL (
            SELECT coalesce(row ->> 'datlocprovider', nullif(row ->> 'collprovider', 'd'), 'c')
                       AS provider,
                   coalesce(row ->> 'datlocale', row ->> 'daticulocale', row ->> 'colllocale',
                            row ->> 'colliculocale', row ->> 'datcollate', row ->> 'collcollate')
                       AS name,
                   coalesce(row ->> 'daticurules', row ->> 'collicurules') AS rules,
                   coalesce(row ->> 'datcollversion', row ->> 'collversion') AS version
        ) AS locale
        WHERE collation_.oid = attribute.attcollation
        OFFSET 0) AS sorting ON true
    JOIN as_text USING (attrelid, attnum)
    GROUP BY attribute.attrelid
)
-- end of columns
SELECT chunk.number,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       chunk.status,
       (SELECT jsonb_object_agg(dimension.column_name,
                                jsonb_build_array(slice.range_start, slice.range_end))
        FROM _timescaledb_catalog.chunk_constraint
        JOIN _timescaledb_catalog.dimension_slice AS slice
          ON slice.id = chunk_constraint.dimension_slice_id
        JOIN _timescaledb_catalog.dimension ON dimension.id = slice.dimension_id
        WHERE chunk_constraint.chunk_id = chunk.id) AS slices,
       size.bytes / current_setting('block_size')::bigint AS pages,
       coalesce(pg_relation_size(compressed_class.oid) = 0, true) AS no_batches,
       has_schema_privilege(namespace.oid, 'CREATE') AS can_create_beside,
       columns.list AS columns,
       compressed_namespace.nspname AS compressed_schema_name,
       compressed_class.relname AS compressed_table_name,
       has_table_privilege(compressed_class.oid, 'SELECT') AS may_read_compressed,
       compressed_columns.list AS compressed_columns,
       array_to_string(compressed_class.reloptions, ', ') AS compressed_options,
       -- from USING on; each is asked for but once, for one that was dropped in the meantime is NULL
       (SELECT coalesce(jsonb_agg(substr(
                   index.definition,
                   length(format('CREATE INDEX %I ON %I.%I ', index.relname,
                                 compressed_namespace.nspname, compressed_class.relname)) + 1)
                   ORDER BY index.relname), '[]')
        FROM (SELECT index_class.relname, pg_get_indexdef(index_class.oid) AS definition
              FROM pg_index
              JOIN pg_class AS index_class ON index_class.oid = pg_index.indexrelid
              WHERE pg_index.indrelid = chunk.compressed_relid
              OFFSET 0) AS index
        CROSS JOIN utf8
        WHERE encode(textsend(index.definition), 'hex') ~ utf8.pattern
       ) AS compressed_indexes,
       -- relid is the compressed table before 2.19, the chunk from then on
       (SELECT jsonb_build_object(
                   'segmentby', settings.segmentby, 'orderby', settings.orderby,
                   'orderby_desc', settings.orderby_desc,
                   'orderby_nullsfirst', settings.orderby_nullsfirst,
                   'index', to_jsonb(settings) -> 'index')
        FROM _timescaledb_catalog.compression_settings AS settings
        WHERE settings.relid IN (chunk.relid, chunk.compressed_relid)
          AND chunk.compressed_relid IS NOT NULL) AS compression_settings,
       (SELECT jsonb_build_array(
                   size.uncompressed_heap_size, size.uncompressed_toast_size,
                   size.uncompressed_index_size, size.compressed_heap_size,
                   size.compressed_toast_size, size.compressed_index_size,
                   size.numrows_pre_compression, size.numrows_post_compression)
        FROM _timescaledb_catalog.compression_chunk_size AS size
        WHERE size.chunk_id = chunk.id) AS compression_sizes,
       -- For each column that the hypertable's chunks may be skipped by: the range of this one's values,
       -- and whether it holds; NULL when the chunk is not recorded, so that filters by it miss the
       -- chunk. The hypertable's own entry is of chunk 0 before 2.21, and of none
       -- from then on.
       (SELECT jsonb_object_agg(tracked.column_name,
                                (SELECT jsonb_build_array(own.range_start, own.range_end, own.valid)
                                 FROM _timescaledb_catalog.chunk_column_stats AS own
                                 WHERE own.hypertable_id = chunk.hypertable_id
                                   AND own.chunk_id = chunk.id
                                   AND own.column_name = tracked.column_name))
        FROM _timescaledb_catalog.chunk_column_stats AS tracked
        WHERE tracked.hypertable_id = chunk.hypertable_id
          AND (tracked.chunk_id IS NULL OR tracked.chunk_id = 0)) AS skipping,
       -- Triggers that fire for rows which are inserted or deleted (bits of tgtype, from PostgreSQL's
       -- src/include/catalog/pg_trigger.h), but for those of constraints.
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', trigger.tgname,
                   'definition', regexp_replace(trigger.definition, '^CREATE TRIGGER',
                                                'CREATE OR REPLACE TRIGGER'),
                   'constraint', trigger.tgconstraint <> 0,
                   -- before TimescaleDB 2.23
                   'invalidates', trigger.tgname = 'ts_cagg_invalidation_trigger',
                   -- on the hypertable, too, so that it is by right that it does
                   'enabled_above', coalesce(
                       (SELECT above.tgenabled IN ('O', 'A')
                        FROM pg_inherits
                        JOIN pg_trigger AS above ON above.tgrelid = pg_inherits.inhparent
                        WHERE pg_inherits.inhrelid = chunk.relid
                          AND above.tgname = trigger.tgname), true))
                   ORDER BY trigger.tgname), '[]')
        FROM (SELECT *, pg_get_triggerdef(oid) AS definition
              FROM pg_trigger
              WHERE tgrelid = chunk.relid AND NOT tgisinternal AND tgtype & 1 = 1
                AND tgtype & 12 <> 0 AND tgenabled IN ('O', 'A')
              OFFSET 0) AS trigger
        WHERE trigger.definition IS NOT NULL) AS triggers,
       -- by triggers of their own on each chunk (ts_chunk_copy_referencing_fk in src/foreign_key.c)
       EXISTS (SELECT FROM pg_trigger AS trigger
               JOIN pg_constraint ON pg_constraint.oid = trigger.tgconstraint
               WHERE trigger.tgrelid = chunk.relid AND pg_constraint.confrelid = chunk.relid)
           AS referenced,
       -- what CheckCmdReplicaIdentity in PostgreSQL's src/backend/executor/execReplication.c refuses
       EXISTS (SELECT FROM pg_publication AS publication
               CROSS JOIN unnest(ARRAY[chunk.relid, chunk.compressed_relid]) AS one (relid)
               JOIN pg_class AS published ON published.oid = one.relid
                                         AND published.relpersistence = 'p'
               WHERE (publication.pubdelete OR publication.pubupdate)
                 AND published.relreplident <> 'f'
                 AND NOT EXISTS (SELECT FROM pg_index AS index
                                 WHERE index.indrelid = published.oid
                                   AND index.indisvalid AND index.indimmediate
                                   AND CASE published.relreplident
                                       WHEN 'd' THEN index.indisprimary
                                       WHEN 'i' THEN index.indisreplident END)
                 AND (publication.puballtables
                      OR EXISTS (SELECT FROM pg_publication_rel AS member
                                 WHERE member.prrelid = published.oid
                                   AND member.prpubid = publication.oid)
                      -- FOR TABLES IN SCHEMA, from PostgreSQL 15 on: by what depends on the schema,
                      -- for pg_publication_namespace, whose OID this is, is not there before
                      OR EXISTS (SELECT FROM pg_depend AS member
                                 JOIN pg_depend AS owner ON owner.classid = member.classid
                                                        AND owner.objid = member.objid
                                 WHERE member.refclassid = 'pg_namespace'::regclass
                                   AND member.refobjid = published.relnamespace
                                   AND member.classid = 6237
                                   AND owner.refclassid = 'pg_publication'::regclass
                                   AND owner.refobjid = publication.oid))) AS refuses_deletes,
       -- A table's file changes when it is truncated, which is what compressing a chunk does:
       -- an older snapshot would find it empty.
       (class.relfilenode <> pg_relation_filenode(class.oid)
        OR coalesce(compressed_class.relfilenode <> pg_relation_filenode(compressed_class.oid),
                    false)) AS rewritten
FROM chunk
JOIN pg_class AS class ON class.oid = chunk.relid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
CROSS JOIN LATERAL (SELECT pg_relation_size(class.oid) AS bytes OFFSET 0) AS size
JOIN relation ON relation.relid = chunk.relid
JOIN columns ON columns.attrelid = relation.like_relid
LEFT JOIN pg_class AS compressed_class ON compressed_class.oid = chunk.compressed_relid
LEFT JOIN pg_namespace AS compressed_namespace
       ON compressed_namespace.oid = compressed_class.relnamespace
LEFT JOIN relation AS compressed_relation ON compressed_relation.relid = chunk.compressed_relid
LEFT JOIN columns AS compressed_columns
       ON compressed_columns.attrelid = compressed_relation.like_relid
-- One that has been dropped since the snapshot has no size.
WHERE size.bytes IS NOT NULL
ORDER BY chunk.number
