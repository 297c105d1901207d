-- A hypertable with a primary key and a foreign key to a plain table; about 24 MB for each 290,000
-- rows, the key included. Variables: chunks, and rows of each, a multiple of the 100 devices.
SET synchronous_commit = off;
CREATE TABLE device (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(0, 99) AS n;
CREATE TABLE measure (
    time timestamptz NOT NULL,
    device int NOT NULL REFERENCES device,
    value double precision,
    PRIMARY KEY (device, time)
);
SELECT create_hypertable('measure', 'time', chunk_time_interval => interval '1 day',
                         create_default_indexes => false);
SELECT setseed(0.5);
INSERT INTO measure
SELECT '2025-01-01 00:00:00Z'::timestamptz + n / :rows * interval '1 day'
           + n % :rows / 100 * (interval '1 day' / (:rows / 100)),
       n % 100, random()
FROM generate_series(0, :chunks * :rows::bigint - 1) AS n;
VACUUM (FREEZE, ANALYZE) measure;
