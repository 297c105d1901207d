-- A plain table of :rows rows. In the source (:changed is 1), 1,000 rows at most differ from the
-- target's.
CREATE TABLE measure (
    id bigint PRIMARY KEY,
    name text,
    price numeric,
    changed timestamptz,
    kind int,
    note text
);
INSERT INTO measure
SELECT i, 'item ' || i, i * 1.5, '2024-01-01'::timestamptz + i * interval '1 s', i % 1000, md5(i::text)
FROM generate_series(1, :rows) AS i;
CREATE INDEX ON measure (name);
UPDATE measure SET kind = -1 WHERE :changed = 1 AND id % 1000 = 7 AND id <= 1000000;
VACUUM ANALYZE measure;
