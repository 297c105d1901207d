-- The event triggers of users: a row for each.
SELECT evtname AS name
FROM pg_event_trigger
WHERE NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_event_trigger'::regclass AND objid = pg_event_trigger.oid
                    AND deptype = 'e')
ORDER BY 1
