-- Pins the settings of the session. Names that this server does not know are left out; the
-- timescaledb.* ones are known once the extension's library is loaded, which reading pg_settings
-- in a database that has the extension brings about.
--
-- $1: default_transaction_read_only, on or off
-- $2: only in the server process of this number; NULL for any
SELECT pg_catalog.set_config(setting.name, pinned.value, false)
FROM (VALUES
    -- what names mean: nothing in a schema that others may create objects in is ever found
    ('search_path', 'pg_catalog, pg_temp'),
    -- how long it may take
    ('statement_timeout', '0'),
    ('lock_timeout', '0'),
    ('transaction_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'),
    -- how soon the server notices that we are gone, and gives free what we had locked
    ('tcp_keepalives_idle', '30'),
    ('tcp_keepalives_interval', '10'),
    ('tcp_keepalives_count', '3'),
    ('tcp_user_timeout', '60000'),
    ('client_connection_check_interval', '10000'),
    -- who fails in a deadlock: whoever's wait has lasted for this long first, which is to be us
    ('deadlock_timeout', '10'),
    -- which triggers fire, those of foreign keys among them
    ('session_replication_role', 'origin'),
    -- how values are written and read
    ('DateStyle', 'ISO, YMD'),
    ('IntervalStyle', 'postgres'),
    ('TimeZone', 'UTC'),
    ('timezone_abbreviations', 'Default'),
    ('extra_float_digits', '3'),
    ('bytea_output', 'hex'),
    ('standard_conforming_strings', 'on'),
    ('quote_all_identifiers', 'off'),
    ('lc_monetary', 'C'),
    -- what transactions are
    ('default_transaction_read_only', $1),
    ('default_transaction_isolation', 'read committed'),
    ('default_transaction_deferrable', 'off'),
    -- rows that a policy would hide are an error, never left out in silence
    ('row_security', 'off'),
    -- in COPY FROM STDIN whatever the server says is an error (src/postgres/copy.cpp)
    ('client_min_messages', 'error'),
    ('jit', 'off'),
    -- what is prepared is run many times, and planning it costs more than running it
    ('plan_cache_mode', 'force_generic_plan'),
    -- what was loaded is looked at as the planner usually would (read_back.sql)
    ('constraint_exclusion', 'partition'),
    ('timescaledb.enable_optimizations', 'on'),
    ('timescaledb.enable_constraint_exclusion', 'on'),
    ('timescaledb.enable_chunk_append', 'on'),
    ('timescaledb.enable_sparse_index_bloom', 'on'),
    ('default_table_access_method', 'heap'),
    -- rows go where COPY puts them, and reading a chunk reads its compressed batches too
    ('timescaledb.restoring', 'off'),
    -- chunks that are made are entered into chunk_column_stats, without which filters by a column
    -- that chunks are skipped by miss them (ts_chunk_column_stats_insert in TimescaleDB's
    -- src/ts_catalog/chunk_column_stats.c)
    ('timescaledb.enable_chunk_skipping', 'on'),
    ('timescaledb.enable_direct_compress_copy', 'off'),
    ('timescaledb.enable_transparent_decompression', 'on'),
    ('timescaledb.enable_columnarscan', 'on'),
    ('timescaledb.max_tuples_decompressed_per_dml_transaction', '0')
) AS pinned (name, value)
JOIN pg_catalog.pg_settings AS setting
  ON pg_catalog.lower(setting.name) OPERATOR(pg_catalog.=) pg_catalog.lower(pinned.name)
WHERE setting.setting OPERATOR(pg_catalog.<>) pinned.value
  -- two of them are not for everyone
  AND (setting.context OPERATOR(pg_catalog.<>) 'superuser'
       OR pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on')
  AND ($2::pg_catalog.int4 IS NULL
       OR pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) $2::pg_catalog.int4)
