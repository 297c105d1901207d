-- pg_temp.noise(key, seed): a random number between -1 and 1, always the same for the same arguments.
-- So both sides of a dual write get the same values, and every run has the same data.
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.noise(key bigint, seed bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS 'SELECT hashint8extended(key, seed) / 9223372036854775808.0::float8';
