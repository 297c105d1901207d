-- Those of some tables that do not exist.
--
-- $1: qualified and quoted names
SELECT name
FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
WHERE to_regclass(name) IS NULL
ORDER BY number
