-- The objects of users that only superusers may create: event triggers, and publications of all tables
-- or of schemas. A row for each.
SELECT 'event trigger' AS kind, evtname AS name
FROM pg_event_trigger
WHERE NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_event_trigger'::regclass AND objid = pg_event_trigger.oid
                    AND deptype = 'e')
UNION ALL
SELECT 'publication', pubname
FROM pg_publication
WHERE puballtables
   -- pg_publication_namespace exists from PostgreSQL 15 on
   OR EXISTS (SELECT FROM pg_depend
              WHERE refclassid = 'pg_publication'::regclass AND refobjid = pg_publication.oid
                AND classid = to_regclass('pg_publication_namespace'))
ORDER BY 1, 2
