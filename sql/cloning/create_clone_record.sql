-- The record of a clone whose tables exist in the target, but not all of their rows: schema __backfill_clone.
-- Run at the end of the transaction that has created the tables. The record must not depend on what the
-- clone has created: pg_dump may have set another access method.
SET LOCAL default_table_access_method = heap;
CREATE SCHEMA __backfill_clone;

-- One row.
CREATE TABLE __backfill_clone.clone (
    -- of this record alone: a process may still know one that was removed
    id text PRIMARY KEY,
    -- the source, by sql/cloning/source_identity.sql
    source text NOT NULL,
    -- a digest of the statements that have created the tables
    schema text NOT NULL,
    -- the number of the run that loads rows, from 1. An earlier run can load no more.
    run int NOT NULL DEFAULT 0
);

-- One row for each table whose rows a run has begun to load.
CREATE TABLE __backfill_clone.table_load (
    schema_name name NOT NULL,
    table_name name NOT NULL,
    -- the last run that has begun
    run int NOT NULL,
    -- its ranges of pages that are not loaded
    ranges_left int NOT NULL,
    -- of those that are
    rows bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    -- a digest of the statements that build its indexes then; empty without any
    index_digest text NOT NULL,
    -- the indexes; NULL before they are built
    indexes oid[],
    PRIMARY KEY (schema_name, table_name)
);

-- One row for each range of pages that is loaded, added in the transaction that loads it.
CREATE TABLE __backfill_clone.page_range (
    run int NOT NULL,
    schema_name name NOT NULL,
    table_name name NOT NULL,
    from_page bigint NOT NULL,
    PRIMARY KEY (run, schema_name, table_name, from_page)
);

-- What the transaction has created, except what is a part of something else. (Transforms and user mappings
-- are dropped with their functions and servers.)
CREATE TABLE __backfill_clone.object AS
SELECT object.class, object.oid
FROM (SELECT 'pg_namespace'::regclass::oid AS class, oid, xmin FROM pg_namespace
      UNION ALL SELECT 'pg_extension'::regclass, oid, xmin FROM pg_extension
      UNION ALL SELECT 'pg_class'::regclass, oid, xmin FROM pg_class
                WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      UNION ALL SELECT 'pg_type'::regclass, oid, xmin FROM pg_type
      UNION ALL SELECT 'pg_proc'::regclass, oid, xmin FROM pg_proc
      UNION ALL SELECT 'pg_operator'::regclass, oid, xmin FROM pg_operator
      UNION ALL SELECT 'pg_opfamily'::regclass, oid, xmin FROM pg_opfamily
      UNION ALL SELECT 'pg_opclass'::regclass, oid, xmin FROM pg_opclass
      UNION ALL SELECT 'pg_am'::regclass, oid, xmin FROM pg_am
      UNION ALL SELECT 'pg_cast'::regclass, oid, xmin FROM pg_cast
      UNION ALL SELECT 'pg_collation'::regclass, oid, xmin FROM pg_collation
      UNION ALL SELECT 'pg_conversion'::regclass, oid, xmin FROM pg_conversion
      UNION ALL SELECT 'pg_language'::regclass, oid, xmin FROM pg_language
      UNION ALL SELECT 'pg_ts_parser'::regclass, oid, xmin FROM pg_ts_parser
      UNION ALL SELECT 'pg_ts_template'::regclass, oid, xmin FROM pg_ts_template
      UNION ALL SELECT 'pg_ts_dict'::regclass, oid, xmin FROM pg_ts_dict
      UNION ALL SELECT 'pg_ts_config'::regclass, oid, xmin FROM pg_ts_config
      UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, xmin FROM pg_foreign_data_wrapper
      UNION ALL SELECT 'pg_foreign_server'::regclass, oid, xmin FROM pg_foreign_server
      UNION ALL SELECT 'pg_largeobject'::regclass, oid, xmin
                FROM pg_largeobject_metadata) AS object
CROSS JOIN pg_identify_object(object.class, object.oid, 0) AS identified
WHERE object.xmin = pg_current_xact_id()::xid
  AND '__backfill_clone' NOT IN (coalesce(identified.schema, ''), identified.identity)
  AND NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = object.class AND objid = object.oid
                    -- a partitioned table depends on its own columns
                    AND (refclassid, refobjid) <> (classid, objid)
                    AND deptype IN ('e', 'i', 'P', 'S'));
