-- pg_temp.noise(key, seed): between -1 and 1, at random, but the same whenever and wherever it is
-- asked again. So both sides of a dual write get the same values, and every run the same data.
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.noise(key bigint, seed bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS 'SELECT hashint8extended(key, seed) / 9223372036854775808.0::float8';
