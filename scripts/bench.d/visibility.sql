-- Dead rows, all-visible pages, and all pages of the chunks. Exact with contrib's extensions;
-- otherwise as ANALYZE has estimated, without dead rows.
SELECT count(*) = 2 AS exact FROM pg_available_extensions
WHERE name IN ('pgstattuple', 'pg_visibility')
\gset
\if :exact
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgstattuple SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_visibility SCHEMA public;
SELECT jsonb_build_object(
           'dead_rows', sum((public.pgstattuple(oid)).dead_tuple_count),
           'visible_pages', sum((public.pg_visibility_map_summary(oid)).all_visible),
           'pages', sum(pg_relation_size(oid)) / current_setting('block_size')::int)
FROM pg_class
WHERE relnamespace = '_timescaledb_internal'::regnamespace AND relkind = 'r'
  AND relname LIKE '%\_chunk';
\else
SELECT jsonb_build_object('visible_pages', sum(relallvisible), 'pages', sum(relpages))
FROM pg_class
WHERE relnamespace = '_timescaledb_internal'::regnamespace AND relkind = 'r'
  AND relname LIKE '%\_chunk';
\endif
