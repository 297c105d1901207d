-- The event triggers that fire for some commands or on login, except TimescaleDB's: a row for each,
-- ordered by name.
--
-- $1: tags of the commands; "{}" for none
SELECT event_trigger.evtname AS name,
       event_trigger.evtevent AS event,
       format('%I.%I', namespace.nspname, proc.proname) AS function,
       -- those of the given commands
       (SELECT coalesce(jsonb_agg(tag ORDER BY tag), '[]')
        FROM unnest($1::text[]) AS tag
        WHERE (event_trigger.evttags IS NULL OR tag = ANY (event_trigger.evttags))
          AND (event_trigger.evtevent <> 'sql_drop' OR tag LIKE 'DROP %')) AS tags
FROM pg_event_trigger AS event_trigger
JOIN pg_proc AS proc ON proc.oid = event_trigger.evtfoid
JOIN pg_namespace AS namespace ON namespace.oid = proc.pronamespace
WHERE event_trigger.evtenabled IN ('O', 'A')
  AND namespace.nspname NOT IN ('_timescaledb_functions', '_timescaledb_internal')
  -- the remaining event is table_rewrite, which none of the commands causes
  AND (event_trigger.evtevent = 'login'
       OR (event_trigger.evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop')
           AND EXISTS (SELECT FROM unnest($1::text[]) AS tag
                       WHERE (event_trigger.evttags IS NULL OR tag = ANY (event_trigger.evttags))
                         AND (event_trigger.evtevent <> 'sql_drop' OR tag LIKE 'DROP %'))))
ORDER BY event_trigger.evtname
