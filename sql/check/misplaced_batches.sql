-- Compressed tables that earlier releases of this program have created in a schema where
-- TimescaleDB does not find them: a row for each. From 2.29 on, TimescaleDB finds them by OID. See
-- chunks_in_range.sql for why catalog rows are read as JSON.
SELECT hypertable.schema_name AS hypertable_schema,
       hypertable.table_name AS hypertable_name,
       to_jsonb(outer_chunk) ->> 'schema_name' AS chunk_schema,
       to_jsonb(outer_chunk) ->> 'table_name' AS chunk_name,
       namespace.nspname AS found_schema,
       class.relname AS found_name,
       to_jsonb(inner_chunk) ->> 'schema_name' AS right_schema,
       has_schema_privilege(to_jsonb(inner_chunk) ->> 'schema_name', 'CREATE') AS may_repair
FROM pg_class AS class
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN _timescaledb_catalog.chunk AS inner_chunk
  ON to_jsonb(inner_chunk) ->> 'table_name' = class.relname
 AND to_jsonb(inner_chunk) ->> 'schema_name' <> namespace.nspname
JOIN _timescaledb_catalog.chunk AS outer_chunk
  ON (to_jsonb(outer_chunk) ->> 'compressed_chunk_id')::int = inner_chunk.id
JOIN _timescaledb_catalog.hypertable ON hypertable.id = outer_chunk.hypertable_id
-- the name that CompressedLoad::create_table_like gives
WHERE class.relname LIKE 'compress\_backfill\_%' AND class.relkind = 'r'
ORDER BY hypertable_schema, hypertable_name, chunk_schema, chunk_name, found_schema
