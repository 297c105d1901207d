-- The sequences of users in a database that the role may read: a row for each, with NULL for the
-- last value of an unused one. Those of extensions and of our own queue are left out.
SELECT namespace.nspname AS schema_name,
       class.relname AS sequence_name,
       sequence.seqincrement > 0 AS ascends,
       sequence.seqcycle AS cycles,
       pg_sequence_last_value(sequence.seqrelid) AS last_value
FROM (SELECT * FROM pg_sequence OFFSET 0) AS sequence
JOIN pg_class AS class ON class.oid = sequence.seqrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE namespace.nspname <> '__backfill'
  AND has_schema_privilege(namespace.oid, 'USAGE')
  AND has_sequence_privilege(sequence.seqrelid, 'SELECT, USAGE')
  AND (class.relpersistence = 'p'
       OR class.relpersistence = 'u' AND NOT pg_is_in_recovery())
  AND NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_class'::regclass AND objid = sequence.seqrelid
                    AND deptype = 'e')
ORDER BY 1, 2
