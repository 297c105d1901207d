-- The names of TimescaleDB's functions in the schema that its user has chosen: one row with an
-- array of names, and the functions of users whose bodies are text that names such a function with
-- that schema.
SELECT to_json(extension.names) AS names,
       (SELECT json_agg(format('%s', procedure.oid::regprocedure) ORDER BY procedure.oid)
        FROM pg_proc AS procedure
        JOIN pg_namespace AS namespace ON namespace.oid = procedure.pronamespace
        WHERE namespace.nspname <> 'information_schema'
          AND namespace.nspname NOT LIKE 'pg\_%'
          -- with the schema in quotes or not; other characters than letters are escaped
          AND procedure.prosrc ~ format('(\m|")%s"?\s*\.\s*"?(%s)"?\s*\(',
                                        regexp_replace(extension.schema_name, '(\W)', '\\\1', 'g'),
                                        array_to_string(extension.names, '|'))
          AND NOT EXISTS (SELECT FROM pg_depend
                          WHERE classid = 'pg_proc'::regclass AND objid = procedure.oid
                            AND deptype = 'e')) AS users
FROM (SELECT array_agg(DISTINCT procedure.proname::text) AS names,
             namespace.nspname AS schema_name
      FROM pg_extension
      JOIN pg_namespace AS namespace ON namespace.oid = extnamespace
      JOIN pg_depend AS depend ON depend.refclassid = 'pg_extension'::regclass
                              AND depend.refobjid = pg_extension.oid
                              AND depend.classid = 'pg_proc'::regclass AND depend.deptype = 'e'
      JOIN pg_proc AS procedure ON procedure.oid = depend.objid
                               AND procedure.pronamespace = extnamespace
      WHERE extname = 'timescaledb'
      GROUP BY 2) AS extension
