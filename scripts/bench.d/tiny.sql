-- A hypertable of many nearly empty chunks. Variables: chunks, and rows of each.
SET synchronous_commit = off;
CREATE TABLE measure (time timestamptz NOT NULL, host int NOT NULL, value double precision);
SELECT create_hypertable('measure', 'time', chunk_time_interval => interval '1 hour');
INSERT INTO measure
SELECT '2025-01-01 00:00:00Z'::timestamptz + n / :rows * interval '1 hour'
           + n % :rows * interval '1 minute',
       n % :rows, n
FROM generate_series(0, :chunks * :rows - 1) AS n;
VACUUM (FREEZE, ANALYZE) measure;
