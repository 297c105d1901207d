-- The sequences of users: a row for each, with the column that owns it, if there is one. The last value
-- is NULL if the sequence is unused or the role may not read it.
--
-- $1: a case-insensitive POSIX regular expression for the schema.name of the sequence, or of the
--     table that owns it; NULL matches all
SELECT namespace.nspname AS schema_name,
       class.relname AS sequence_name,
       ($1::text IS NULL
        OR format('%I.%I', namespace.nspname, class.relname) ~* $1
        OR concat(namespace.nspname, '.', class.relname) ~* $1
        OR owner.table_name IS NOT NULL
           -- format('%I', NULL) would be an error
           AND (concat(quote_ident(owner.schema_name), '.', quote_ident(owner.table_name)) ~* $1
                OR concat(owner.schema_name, '.', owner.table_name) ~* $1)) AS matches,
       sequence.seqincrement AS increment,
       sequence.seqcycle AS cycles,
       sequence.seqmin AS least,
       sequence.seqmax AS greatest,
       allowed.may_read,
       CASE WHEN allowed.may_read THEN pg_sequence_last_value(sequence.seqrelid) END AS last_value,
       pg_has_role(class.relowner, 'USAGE') AS is_owner,
       pg_get_userbyid(class.relowner) AS owner,
       quote_ident(current_user) AS role,
       owner.schema_name AS table_schema,
       owner.table_name,
       owner.column_name
FROM (SELECT * FROM pg_sequence OFFSET 0) AS sequence
JOIN pg_class AS class ON class.oid = sequence.seqrelid AND class.relpersistence <> 't'
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
CROSS JOIN LATERAL (
    SELECT has_schema_privilege(namespace.oid, 'USAGE')
           AND has_sequence_privilege(sequence.seqrelid, 'SELECT')
           AND (class.relpersistence = 'p' OR NOT pg_is_in_recovery()) AS may_read
) AS allowed
LEFT JOIN LATERAL (
    SELECT table_namespace.nspname AS schema_name, table_class.relname AS table_name,
           attribute.attname AS column_name
    FROM pg_depend
    JOIN pg_class AS table_class ON table_class.oid = pg_depend.refobjid
    JOIN pg_namespace AS table_namespace ON table_namespace.oid = table_class.relnamespace
    JOIN pg_attribute AS attribute
      ON attribute.attrelid = table_class.oid AND attribute.attnum = pg_depend.refobjsubid
    WHERE pg_depend.classid = 'pg_class'::regclass AND pg_depend.objid = sequence.seqrelid
      AND pg_depend.refclassid = 'pg_class'::regclass AND pg_depend.refobjsubid > 0
      -- a: OWNED BY, i: identity
      AND pg_depend.deptype IN ('a', 'i')
      -- the expressions that make other values, such as nextval() + 1, are not looked at
      AND attribute.atttypid IN (20, 21, 23)
    LIMIT 1) AS owner ON true
WHERE namespace.nspname NOT IN ('__backfill', 'information_schema')
  AND namespace.nspname NOT LIKE 'pg\_%'
  AND namespace.nspname NOT LIKE '\_timescaledb\_%'
  AND NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_class'::regclass AND objid = sequence.seqrelid
                    AND deptype = 'e')
ORDER BY 1, 2
