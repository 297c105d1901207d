-- TimescaleDB's tables and sequences whose contents pg_dump would dump: a row for each.
SELECT namespace.nspname AS schema_name, class.relname AS table_name
FROM pg_extension
CROSS JOIN LATERAL unnest(extconfig) AS configuration (oid)
JOIN pg_class AS class ON class.oid = configuration.oid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE extname = 'timescaledb'
ORDER BY 1, 2
