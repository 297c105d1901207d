-- The properties of chunks that reading and loading depend on: a row for each chunk that exists. Most
-- of the time of a worker's first query is spent on planning, so this query has only what every chunk
-- needs; compressed_chunks.sql, columns.sql and refusing_tables.sql have the rest.
--
-- $1: the chunks' qualified and quoted names; number is the index of a name in this array, from 1
SELECT wanted.number,
       namespace.nspname AS schema_name,
       class.relname AS table_name,
       chunk.status,
       (SELECT amname FROM pg_am WHERE pg_am.oid = class.relam) AS access_method,
       (SELECT jsonb_object_agg(dimension.column_name,
                                jsonb_build_array(slice.range_start, slice.range_end))
-- include timescale/slices_of_chunk.inc
       ) AS slices,
       size.bytes / current_setting('block_size')::bigint AS pages,
       batches.schema_name AS batches_schema_name,
       -- the role may create a table there and give it the hypertable's owner
       has_schema_privilege(batches.schema_name, 'CREATE')
           AND (pg_get_userbyid(class.relowner) = current_user
                OR current_setting('is_superuser')::boolean
                OR (pg_has_role(class.relowner, 'USAGE')
                    AND has_schema_privilege(class.relowner, batches.schema_name, 'CREATE')))
           AS may_create_batches,
       has_table_privilege('_timescaledb_catalog.compression_chunk_size', 'UPDATE')
           AND has_table_privilege('_timescaledb_catalog.compression_chunk_size', 'DELETE')
           AS may_set_sizes,
       -- equal for tables with the same columns
       (SELECT encode(sha256(textsend(string_agg(
                   (attname, atttypid, atttypmod, attgenerated, attcollation, attstorage,
                    attstattarget, atthasmissing)::text, ' ' ORDER BY attnum))), 'hex')
        FROM pg_attribute
        WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped) AS signature,
       -- For each column with chunk skipping: the range of its values in this chunk, and whether the
       -- range is valid; NULL if the chunk has no entry, so that filters by the column miss the chunk.
       -- The hypertable's own entry has the chunk ID 0 before 2.21, and NULL from then on.
       (SELECT jsonb_object_agg(tracked.column_name,
                                (SELECT jsonb_build_array(own.range_start, own.range_end, own.valid)
                                 FROM _timescaledb_catalog.chunk_column_stats AS own
                                 WHERE own.hypertable_id = chunk.hypertable_id
                                   AND own.chunk_id = chunk.id
                                   AND own.column_name = tracked.column_name))
        FROM _timescaledb_catalog.chunk_column_stats AS tracked
        WHERE tracked.hypertable_id = chunk.hypertable_id
          AND (tracked.chunk_id IS NULL OR tracked.chunk_id = 0)) AS skipping,
       -- Row triggers for INSERT, DELETE or UPDATE, except those that implement constraints (bits of
       -- tgtype, from PostgreSQL's src/include/catalog/pg_trigger.h: 4 INSERT, 8 DELETE, 16 UPDATE).
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', trigger.tgname,
                   'definition', regexp_replace(trigger.definition, '^CREATE TRIGGER',
                                                'CREATE OR REPLACE TRIGGER'),
                   'constraint', trigger.tgconstraint <> 0,
                   'updates_only', trigger.tgtype & 12 = 0,
                   -- before TimescaleDB 2.23
                   'invalidates', trigger.tgname = 'ts_cagg_invalidation_trigger',
                   -- the trigger is enabled on the hypertable, too
                   'enabled_above', coalesce(
                       (SELECT above.tgenabled IN ('O', 'A')
                        FROM pg_inherits
                        JOIN pg_trigger AS above ON above.tgrelid = pg_inherits.inhparent
                        WHERE pg_inherits.inhrelid = class.oid
                          AND above.tgname = trigger.tgname), true))
                   ORDER BY trigger.tgname), '[]')
        FROM (SELECT *, pg_get_triggerdef(oid) AS definition
              FROM pg_trigger
              WHERE tgrelid = class.oid AND NOT tgisinternal AND tgtype & 1 = 1
                AND tgtype & 28 <> 0 AND tgenabled IN ('O', 'A')
              OFFSET 0) AS trigger
        WHERE trigger.definition IS NOT NULL) AS triggers,
       -- Each referencing foreign key has its own triggers on each chunk
       -- (ts_chunk_copy_referencing_fk in src/foreign_key.c).
       EXISTS (SELECT FROM pg_trigger AS trigger
               JOIN pg_constraint ON pg_constraint.oid = trigger.tgconstraint
               WHERE trigger.tgrelid = class.oid AND pg_constraint.confrelid = class.oid)
           AS referenced,
       -- publications may make tables refuse deletes (refusing_tables.sql)
       EXISTS (SELECT FROM pg_publication) AS publications,
       -- TRUNCATE, which compress_chunk() uses, gives a table a new file. An older snapshot would find
       -- the table empty.
       class.relfilenode <> pg_relation_filenode(class.oid) AS rewritten,
       chunk.status || ' ' || (
-- include timescale/change_state.inc
           FROM (VALUES (class.oid), (compressed.relid::oid)) AS counted (relid)) AS state
FROM (SELECT number, to_regclass(name)::oid AS relid
      FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
      OFFSET 0) AS wanted
JOIN _timescaledb_catalog.chunk
  ON chunk.id = _timescaledb_functions.chunk_id_from_relid(wanted.relid)
JOIN pg_class AS class ON class.oid = wanted.relid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
CROSS JOIN LATERAL (SELECT pg_relation_size(class.oid) AS bytes OFFSET 0) AS size
-- The schema for the chunk's compressed table. Before 2.29, that table is a chunk of an internal
-- hypertable, whose catalog row has the schema (create_compress_chunk in
-- tsl/src/compression/create.c). From then on, it is in the chunk's schema (compression_table_create
-- in tsl/src/compression/compression_storage.c).
CROSS JOIN LATERAL (
    SELECT coalesce(
               (SELECT compressed_hypertable.associated_schema_name
                FROM _timescaledb_catalog.hypertable
                JOIN _timescaledb_catalog.hypertable AS compressed_hypertable
                  ON compressed_hypertable.id = hypertable.compressed_hypertable_id
                WHERE hypertable.id = chunk.hypertable_id),
               namespace.nspname) AS schema_name
    OFFSET 0) AS batches
LEFT JOIN LATERAL (
-- include timescale/compressed_table.inc
    OFFSET 0) AS compressed ON chunk.status & 1 = 1
-- A chunk that was dropped after the snapshot was taken has no size.
WHERE size.bytes IS NOT NULL
