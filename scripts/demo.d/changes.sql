-- What the shop's application does in its turn :turn.
BEGIN;
INSERT INTO shop.orders VALUES (clock_timestamp(), 1 + :turn % 5000, nextval('shop.invoice') % 1000);
UPDATE shop.orders SET cents = cents + 1
WHERE time >= :'until'::timestamptz - :turn % 60 * interval '1 hour' - interval '20 seconds'
  AND time < :'until'::timestamptz - :turn % 60 * interval '1 hour';
DELETE FROM shop.orders WHERE time = :'until'::timestamptz - (:turn + 1) * interval '500 seconds';
INSERT INTO shop.customer (name) VALUES ('New customer ' || :turn);
INSERT INTO shop.address SELECT id, 'New street' FROM shop.customer WHERE name = 'New customer ' || :turn;
UPDATE shop.address SET place = place || ' north' WHERE customer_id = 10 + :turn;
DELETE FROM shop.customer WHERE id = 1000 + :turn;
COMMIT;
