-- Statements that give chunks' triggers the states of their hypertables' triggers: a row for each
-- chunk whose states differ.
--
-- $1, $2: schemas and names of the chunks
SELECT namespace.nspname AS schema_name,
       class.relname AS table_name,
       format('ALTER TABLE %I.%I %s', namespace.nspname, class.relname,
              string_agg(format('%s TRIGGER %I',
                                CASE above.tgenabled WHEN 'D' THEN 'DISABLE'
                                                     WHEN 'R' THEN 'ENABLE REPLICA'
                                                     WHEN 'A' THEN 'ENABLE ALWAYS'
                                                     ELSE 'ENABLE' END,
                                own.tgname),
                         ', ' ORDER BY own.tgname)) AS statement
FROM unnest($1::name[], $2::name[]) AS wanted (schema_name, table_name)
JOIN pg_namespace AS namespace ON namespace.nspname = wanted.schema_name
JOIN pg_class AS class
  ON class.relnamespace = namespace.oid AND class.relname = wanted.table_name
JOIN pg_inherits ON pg_inherits.inhrelid = class.oid
JOIN pg_trigger AS above
  ON above.tgrelid = pg_inherits.inhparent AND NOT above.tgisinternal AND above.tgtype & 1 = 1
JOIN pg_trigger AS own
  ON own.tgrelid = class.oid AND own.tgname = above.tgname AND NOT own.tgisinternal
WHERE own.tgenabled <> above.tgenabled
GROUP BY namespace.nspname, class.relname
