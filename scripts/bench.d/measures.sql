-- A hypertable with the index on time and one more; about 62 MB for each 430,000 rows, indexes
-- included. Variables: chunks, and rows of each, a multiple of the 100 hosts; plain, if true for a plain
-- table without an index, not in the order of time.
SET synchronous_commit = off;
CREATE TABLE measure (
    time timestamptz NOT NULL,
    host int NOT NULL,
    temperature double precision,
    humidity double precision,
    pressure double precision,
    load double precision,
    voltage double precision,
    speed double precision,
    requests bigint,
    errors bigint
);
\if :plain
\else
SELECT create_hypertable('measure', 'time', chunk_time_interval => interval '1 day');
\endif
SELECT setseed(0.5);
INSERT INTO measure
SELECT '2025-01-01 00:00:00Z'::timestamptz
           + CASE WHEN :plain THEN random() * :chunks * interval '1 day'
                  ELSE n / :rows * interval '1 day'
                       + n % :rows / 100 * (interval '1 day' / (:rows / 100)) END,
       n % 100, 20 + 10 * random(), random(), 1000 + random(), random(), 230 + random(),
       100 * random(), n % 1000, n % 7
FROM generate_series(0, :chunks * :rows::bigint - 1) AS n;
\if :plain
\else
CREATE INDEX ON measure (host, time DESC);
\endif
VACUUM (FREEZE, ANALYZE) measure;
