-- The tables that hold rows of chunks, including compressed tables, by the pattern of their names,
-- without the last number. A row for each pattern that only chunks match, and a row for each other
-- chunk, such as an attached table, whose name a user has chosen.
--
-- The catalog rows are read as JSON because their columns differ by version, see
-- chunks_in_range.sql. Names are compared as text, because looking them up (to_regclass) fails without USAGE
-- on the schema.
WITH hypertable AS (
    SELECT format('%I.%I', schema_name, table_name) AS name
    FROM _timescaledb_catalog.hypertable
), chunk AS (
    SELECT DISTINCT class.oid, class.relnamespace, class.relname
    FROM (SELECT coalesce(to_jsonb(chunk) ->> 'relid',
                          format('%I.%I', to_jsonb(chunk) ->> 'schema_name',
                                          to_jsonb(chunk) ->> 'table_name')) AS name
          FROM _timescaledb_catalog.chunk
          UNION ALL
          SELECT to_jsonb(settings) ->> 'compress_relid'
          FROM _timescaledb_catalog.compression_settings AS settings) AS listed
    JOIN pg_class AS class ON class.oid::regclass::text = listed.name
    WHERE listed.name NOT IN (SELECT name FROM hypertable)
), relation AS MATERIALIZED (
    SELECT class.oid,
           class.relnamespace,
           class.relname,
           chunk.oid IS NOT NULL AS is_chunk,
           coalesce(substring(class.relname FROM '^(.*[^0-9])[0-9]+[^0-9]*$'), '') AS beginning,
           coalesce(substring(class.relname FROM '[0-9]([^0-9]*)$'), '') AS ending
    FROM pg_class AS class
    LEFT JOIN chunk ON chunk.oid = class.oid
    WHERE class.relnamespace IN (SELECT relnamespace FROM chunk)
      AND class.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
), shape AS (
    SELECT relnamespace, beginning, ending,
           count(*) > 1 AND bool_and(is_chunk) AND beginning <> '' AS is_of_chunks
    FROM relation GROUP BY 1, 2, 3
)
SELECT namespace.nspname AS schema_name,
       shape.beginning,
       shape.ending,
       CASE WHEN NOT shape.is_of_chunks THEN relation.relname END AS table_name,
       array_agg(relation.oid) AS oids,
       count(*) AS tables
FROM relation
JOIN shape ON shape.relnamespace = relation.relnamespace
          AND shape.beginning = relation.beginning
          AND shape.ending = relation.ending
JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE relation.is_chunk
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
