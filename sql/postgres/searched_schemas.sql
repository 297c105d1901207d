-- The schemas of the current search_path that contain objects, in order: one row.
SELECT coalesce(jsonb_agg(schema.name ORDER BY schema.number), '[]') AS schemas
FROM unnest(current_schemas(false)) WITH ORDINALITY AS schema (name, number)
JOIN pg_namespace AS namespace ON namespace.nspname = schema.name
WHERE EXISTS (SELECT FROM pg_class WHERE relnamespace = namespace.oid)
   OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = namespace.oid)
