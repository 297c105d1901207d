-- Stand-ins (load::StandIn) whose tables have become chunks or were dropped. Stand-ins of tables that
-- are being loaded are omitted.
--
-- $1: name of the only one to look for; NULL for all
SELECT stand_in.relname AS name,
       namespace.nspname AS chunk_schema,
       chunk.relname AS chunk_name,
       -- ALTER TABLE actions that drop columns and constraints that only the stand-in has, because
       -- they were dropped from the hypertable meanwhile. NULL if there are none, or no hypertable.
       -- A column takes its constraints with it, and generated columns read others, so the order
       -- matters.
       (SELECT string_agg(action, ', ' ORDER BY place)
        FROM (SELECT 1, format('DROP CONSTRAINT %I', conname)
              FROM pg_constraint
              WHERE conrelid = stand_in.oid AND contype = 'c'
                AND NOT EXISTS (SELECT FROM pg_constraint AS other
                                WHERE other.conrelid = hypertable.inhparent
                                  AND other.conname = pg_constraint.conname)
              UNION ALL
              SELECT CASE attgenerated WHEN '' THEN 3 ELSE 2 END, format('DROP COLUMN %I', attname)
              FROM pg_attribute AS attribute
              WHERE attrelid = stand_in.oid AND attnum > 0 AND NOT attisdropped
                AND NOT EXISTS (SELECT FROM pg_attribute AS other
                                WHERE other.attrelid = hypertable.inhparent
                                  AND other.attname = attribute.attname
                                  AND NOT other.attisdropped)) AS surplus (place, action)
        WHERE hypertable.inhparent IS NOT NULL) AS surplus,
       -- columns that were dropped from the hypertable and added again, with the same type: the
       -- chunk has their old values
       (SELECT string_agg(quote_ident(other.attname), ', ' ORDER BY other.attnum)
        FROM jsonb_each_text(obj_description(stand_in.oid, 'pg_class')::jsonb) AS was (name, number)
        JOIN pg_attribute AS other ON other.attrelid = hypertable.inhparent
                                  AND other.attname = was.name AND NOT other.attisdropped
        WHERE other.attnum <> was.number::int) AS readded
FROM pg_class AS stand_in
LEFT JOIN pg_inherits AS link ON link.inhparent = stand_in.oid
LEFT JOIN pg_class AS chunk ON chunk.oid = link.inhrelid
LEFT JOIN pg_namespace AS namespace ON namespace.oid = chunk.relnamespace
LEFT JOIN pg_inherits AS hypertable ON hypertable.inhrelid = chunk.oid
                                   AND hypertable.inhparent <> stand_in.oid
WHERE stand_in.relnamespace = to_regnamespace('__backfill')
  AND stand_in.relkind = 'r' AND stand_in.relname ~ '^stand_in_[0-9]+(_[0-9]+)?$'
  AND (chunk.oid IS NULL OR chunk.relnamespace <> stand_in.relnamespace)
  AND ($1::text IS NULL OR stand_in.relname = $1)
ORDER BY stand_in.relname
