-- The columns of measures.sql in a plain table without an index, not in the order of time. Variables:
-- chunks that the rows belong to, and rows of each.
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
SELECT setseed(0.5);
INSERT INTO measure
SELECT '2025-01-01 00:00:00Z'::timestamptz + random() * :chunks * interval '1 day',
       n % 100, 20 + 10 * random(), random(), 1000 + random(), random(), 230 + random(),
       100 * random(), n % 1000, n % 7
FROM generate_series(0, :chunks * :rows::bigint - 1) AS n;
VACUUM (FREEZE, ANALYZE) measure;
