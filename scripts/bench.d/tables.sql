-- Plain tables with keys and indexes, and their rows: measure with :rows rows, and 19 smaller tables with 1/30 of
-- that each, which measure's rows reference.
SELECT format(
    'CREATE TABLE small_%1$s (id bigint PRIMARY KEY, name text, price numeric, changed timestamptz, '
    'kind int, note text); '
    'INSERT INTO small_%1$s SELECT i, ''item '' || i, i * 1.5, '
    '''2024-01-01''::timestamptz + i * interval ''1 s'', i %% 1000, md5(i::text) '
    'FROM generate_series(1, %2$s) AS i; '
    'CREATE INDEX ON small_%1$s (name)', number, :rows / 30)
FROM generate_series(1, 19) AS number
\gexec
CREATE TABLE measure (
    id bigint PRIMARY KEY,
    item bigint,
    time timestamptz,
    temperature float8,
    pressure float8,
    price numeric,
    name text
);
INSERT INTO measure
SELECT i, 1 + i % (:rows / 30), '2024-01-01'::timestamptz + i * interval '1 s', i * 0.37, i / 7.0, i * 1.25,
       'measure of ' || md5(i::text)
FROM generate_series(1, :rows) AS i;
CREATE INDEX ON measure (time);
ALTER TABLE measure ADD FOREIGN KEY (item) REFERENCES small_1;
VACUUM ANALYZE;
