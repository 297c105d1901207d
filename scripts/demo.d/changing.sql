-- A shop whose application changes history and relational rows: a week of orders before :until.
CREATE SCHEMA shop;

CREATE TABLE shop.customer (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);
INSERT INTO shop.customer (name) SELECT 'Customer ' || id FROM generate_series(1, 5000) AS id;

CREATE TABLE shop.address (
    customer_id integer NOT NULL REFERENCES shop.customer ON DELETE CASCADE,
    place       text NOT NULL,
    PRIMARY KEY (customer_id, place)
);
INSERT INTO shop.address SELECT id, 'Street ' || id % 100 FROM shop.customer;

CREATE SEQUENCE shop.invoice;
SELECT setval('shop.invoice', 100000);

CREATE TABLE shop.orders (
    time     timestamptz NOT NULL,
    customer integer NOT NULL,
    cents    integer NOT NULL,
    PRIMARY KEY (time, customer)
);
SELECT public.create_hypertable('shop.orders', 'time', chunk_time_interval => interval '1 day');
INSERT INTO shop.orders
SELECT time, id % 5000 + 1, 100 + id % 900
FROM generate_series(:'until'::timestamptz - interval '7 days',
                     :'until'::timestamptz - interval '1 second', interval '1 second') AS time,
     LATERAL (SELECT extract(epoch FROM time)::bigint AS id) AS second;
