-- How this build of TimescaleDB hashes the values in bloom filters: one row. The filters are those of one text
-- (the description of TimescaleDB's #8761).
SELECT CASE WHEN filtered.umash AND NOT filtered.postgres THEN 'umash'
            WHEN filtered.postgres AND NOT filtered.umash THEN 'postgres'
            ELSE '' END AS name
FROM (SELECT _timescaledb_functions.bloom1_contains(
                 '\x0110010004004400'::_timescaledb_internal.bloom1, 'test text'::text) AS umash,
             _timescaledb_functions.bloom1_contains(
                 '\x0004004808000840'::_timescaledb_internal.bloom1, 'test text'::text) AS postgres) AS filtered
