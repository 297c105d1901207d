-- The TimescaleDB to create in a database without it: one row, or none.
--
-- $1: the source's version, which is preferred; empty if the source has none
-- $2: whether the server's default version is preferred
SELECT version.version,
       current_setting('timescaledb.license', true) AS license
FROM pg_available_extension_versions AS version
JOIN pg_available_extensions AS extension USING (name)
WHERE name = 'timescaledb' AND version.version IN (extension.default_version, $1)
ORDER BY (version.version = extension.default_version) = $2::boolean DESC
LIMIT 1
