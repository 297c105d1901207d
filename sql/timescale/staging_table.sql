-- Statements to create a plain table that can become a chunk of a hypertable, identical to one that
-- TimescaleDB creates itself (chunk_create_table in its src/chunk.c): one row, or none if there is
-- no such hypertable. Indexes and foreign keys are separate, because they are created after the table
-- is loaded.
--
-- $1: the hypertable's qualified and quoted name
-- $2, $3: schema and name of the table to create
-- $4: name, in the same schema, of the table's stand-in (load::StandIn); NULL for none
WITH hypertable AS (
    SELECT class.*,
           catalog_hypertable.id,
           catalog_hypertable.associated_schema_name,
           catalog_hypertable.associated_table_prefix,
           format('%I.%I', $2::text, $3::text) AS staging,
           -- the table that is defined like the hypertable
           format('%I.%I', $2::text, coalesce($4::text, $3::text)) AS defined,
           (SELECT array_agg(tablespace.tablespace_name ORDER BY tablespace.id)
            FROM _timescaledb_catalog.tablespace
            WHERE tablespace.hypertable_id = catalog_hypertable.id) AS tablespaces
    FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    JOIN _timescaledb_catalog.hypertable AS catalog_hypertable
      ON catalog_hypertable.schema_name = namespace.nspname
     AND catalog_hypertable.table_name = class.relname
    WHERE class.oid = to_regclass($1::text)
),
-- where chunks go: ts_hypertable_select_tablespace_name in src/hypertable.c
location AS (
    SELECT coalesce(hypertable.tablespaces[1], tablespace.spcname) AS tablespace
    FROM hypertable
    LEFT JOIN pg_tablespace AS tablespace ON tablespace.oid = hypertable.reltablespace
),
columns AS (
    SELECT format('LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS '
                  'INCLUDING STORAGE INCLUDING COMPRESSION', $1::text) AS text
),
-- what CREATE TABLE ... INHERITS and set_attoptions would do, in this order; owner_and_privileges.sql has
-- the rest
statement (place, text) AS (
    SELECT 1, format('CREATE TABLE %s (%s)', defined, columns.text)
    FROM hypertable CROSS JOIN columns WHERE $4::text IS NOT NULL
    UNION ALL
    -- the numbers of the hypertable's columns, for stand_ins.sql
    SELECT 2, format('COMMENT ON TABLE %s IS %L', defined,
                     (SELECT jsonb_object_agg(attname, attnum) FROM pg_attribute
                      WHERE attrelid = hypertable.oid AND attnum > 0 AND NOT attisdropped))
    FROM hypertable WHERE $4::text IS NOT NULL
    UNION ALL
    SELECT 2, format(
               'CREATE %sTABLE %s (%s)%s%s%s',
               CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' END, staging,
               CASE WHEN $4::text IS NULL THEN columns.text END,
               CASE WHEN $4::text IS NOT NULL THEN format(' INHERITS (%s)', defined) END,
               (SELECT format(' WITH (%s)', string_agg(
                           format('%s = %L', split_part(option, '=', 1),
                                             substr(option, strpos(option, '=') + 1)), ', '))
                FROM unnest(reloptions) AS option HAVING count(*) > 0),
               ' TABLESPACE ' || quote_ident(location.tablespace))
    FROM hypertable CROSS JOIN location CROSS JOIN columns
    UNION ALL
    SELECT 3, format('ALTER TABLE %s ALTER %I SET STATISTICS %s', staging, attname, attstattarget)
    FROM hypertable
    JOIN pg_attribute ON attrelid = hypertable.oid AND attnum > 0 AND NOT attisdropped
                     AND attstattarget >= 0
    UNION ALL
    SELECT 3, format('ALTER TABLE %s ALTER %I SET (%s)', staging, attname,
                     array_to_string(attoptions, ', '))
    FROM hypertable
    JOIN pg_attribute ON attrelid = hypertable.oid AND attnum > 0 AND NOT attisdropped
                     AND attoptions IS NOT NULL
    UNION ALL
    -- Rows need not satisfy NOT VALID constraints, which are added after the table is loaded.
    SELECT 3, format('ALTER TABLE %s DROP CONSTRAINT %I', defined, conname)
    FROM hypertable
    JOIN pg_constraint ON conrelid = hypertable.oid AND contype IN ('c', 'n') AND NOT convalidated
),
-- Indexes, including those of constraints. Each is created with a temporary name that is unique. Its
-- final name is derived from its name on the hypertable.
index AS (
    SELECT index.indexrelid,
           row_number() OVER (ORDER BY index.indexrelid) AS number,
           index_class.relname,
           index.indisunique,
           pg_constraint.oid AS constraint_oid,
           pg_constraint.conname,
           CASE WHEN pg_constraint.oid IS NULL THEN pg_get_indexdef(index.indexrelid)
                ELSE pg_get_constraintdef(pg_constraint.oid) END AS definition,
           -- chunk_index_select_tablespace in src/chunk_index.c, and for constraints
           -- chunk_constraint_add_table_constraint in sql/chunk_constraint.sql
           CASE WHEN pg_constraint.oid IS NULL
                THEN coalesce(tablespace.spcname, hypertable.tablespaces[1])
                WHEN pg_constraint.contype IN ('p', 'u') THEN tablespace.spcname
           END AS tablespace
    FROM hypertable
    JOIN pg_index AS index ON index.indrelid = hypertable.oid AND index.indislive
    JOIN pg_class AS index_class ON index_class.oid = index.indexrelid
    LEFT JOIN pg_tablespace AS tablespace ON tablespace.oid = index_class.reltablespace
    LEFT JOIN pg_constraint ON pg_constraint.conindid = index.indexrelid
                           AND pg_constraint.contype IN ('p', 'u', 'x')
),
index_statement AS (
    SELECT index.number,
           coalesce(index.conname, index.relname) AS name,
           index.constraint_oid IS NOT NULL AS is_constraint,
           format('%s_index_%s', $3::text, index.number) AS temporary,
           coalesce('SET LOCAL default_tablespace = ' || quote_literal(index.tablespace) || '; ', '')
           || CASE WHEN index.constraint_oid IS NOT NULL
                   THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', hypertable.staging,
                               format('%s_index_%s', $3::text, index.number),
                               index.definition)
                   ELSE format('CREATE %sINDEX %I ON %s %s',
                               CASE WHEN index.indisunique THEN 'UNIQUE ' END,
                               format('%s_index_%s', $3::text, index.number), hypertable.staging,
                               -- from USING on
                               substr(index.definition,
                                      length(format('CREATE %sINDEX %I ON %s ',
                                                    CASE WHEN index.indisunique
                                                         THEN 'UNIQUE ' END,
                                                    index.relname, plain.quoted)) + 1)) END
           || CASE WHEN index.tablespace IS NOT NULL
                   THEN '; SET LOCAL default_tablespace = ''''' ELSE '' END AS text
    FROM index
    CROSS JOIN hypertable
    -- as pg_get_indexdef() writes it: quoted only if necessary
    CROSS JOIN LATERAL (SELECT format('%I.%I', namespace.nspname, hypertable.relname) AS quoted
                        FROM pg_namespace AS namespace
                        WHERE namespace.oid = hypertable.relnamespace) AS plain
    -- An index that was dropped after the snapshot was taken has no definition.
    WHERE index.definition IS NOT NULL
)
SELECT CASE
           WHEN hypertable.relkind <> 'r' THEN 'the hypertable is partitioned by PostgreSQL'
           WHEN access_method.amname <> 'heap'
               THEN format('its access method is %s', access_method.amname)
           WHEN NOT (hypertable.relowner = role.oid OR role.rolsuper)
               THEN 'the role does not own the hypertable'
           WHEN NOT has_schema_privilege($2::text, 'CREATE')
               THEN format('the role may not create tables in %I', $2::text)
           WHEN EXISTS (SELECT FROM pg_tablespace AS tablespace
                        WHERE (tablespace.spcname = (SELECT location.tablespace FROM location)
                               OR tablespace.spcname IN (SELECT index.tablespace FROM index))
                          AND NOT has_tablespace_privilege(tablespace.oid, 'CREATE'))
               THEN 'the role may not create tables in a tablespace of the hypertable'
           WHEN EXISTS (SELECT FROM pg_attribute
                        WHERE attrelid = hypertable.oid AND attnum > 0 AND NOT attisdropped
                          AND NOT has_type_privilege(atttypid, 'USAGE'))
               THEN 'the role may not use a column''s type'
           WHEN EXISTS (SELECT FROM pg_constraint AS key
                        JOIN pg_class AS referenced ON referenced.oid = key.confrelid
                        WHERE key.conrelid = hypertable.oid AND key.contype = 'f'
                          AND NOT (has_schema_privilege(referenced.relnamespace, 'USAGE')
                                   AND has_table_privilege(referenced.oid, 'REFERENCES')))
               THEN 'the role may not reference a table that a foreign key references'
           -- Sessions without TimescaleDB remove stand-ins. Rows that event triggers insert there go
           -- into the root tables of hypertables.
           WHEN $4::text IS NOT NULL
                AND EXISTS (SELECT FROM pg_event_trigger
                            WHERE evtenabled <> 'D'
                              AND NOT EXISTS (SELECT FROM pg_depend
                                              WHERE classid = 'pg_proc'::regclass
                                                AND objid = evtfoid AND deptype = 'e'))
               THEN 'an event trigger would fire in a session without TimescaleDB'
           WHEN $4::text IS NOT NULL
                -- Only some roles may read these settings; others see those of databases and roles.
                AND (CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE')
                          THEN concat_ws(',', current_setting('shared_preload_libraries'),
                                         current_setting('session_preload_libraries'),
                                         current_setting('local_preload_libraries'))
                                   ~ 'timescaledb-[0-9]'
                          ELSE EXISTS (SELECT FROM pg_db_role_setting, unnest(setconfig) AS setting
                                       WHERE setdatabase IN (0, (SELECT oid FROM pg_database
                                                                 WHERE datname = current_database()))
                                         AND setrole IN (0, role.oid)
                                         AND setting ~ '^(session|local)_preload_libraries=.*timescaledb-[0-9]')
                     END)
               THEN 'a setting loads TimescaleDB into every session'
           WHEN cardinality(hypertable.tablespaces) > 1
               THEN 'several tablespaces are attached to the hypertable'
           WHEN EXISTS (SELECT FROM _timescaledb_catalog.chunk_column_stats AS stats
                        WHERE stats.hypertable_id = hypertable.id)
               THEN 'chunk skipping is enabled on the hypertable'
           WHEN EXISTS (SELECT FROM pg_constraint
                        WHERE confrelid = hypertable.oid AND contype = 'f')
               THEN 'a foreign key references the hypertable'
       END AS obstacle,
       (SELECT string_agg(text, '; ' ORDER BY place, text) FROM statement) AS create_table,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', name, 'temporary', temporary, 'constraint', is_constraint,
                   'statement', text) ORDER BY number), '[]')
        FROM index_statement) AS indexes,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', conname, 'valid', convalidated, 'place', place,
                   'definition', regexp_replace(definition, ' NOT VALID$', ''))
                   ORDER BY place), '[]')
        FROM (SELECT conname, contype, convalidated, pg_get_constraintdef(oid) AS definition,
                     row_number() OVER (ORDER BY conname) - 1 AS place
              FROM pg_constraint
              WHERE conrelid = hypertable.oid
                AND (contype = 'f' AND conparentid = 0 OR contype = 't')
              OFFSET 0) AS foreign_key
        WHERE definition IS NOT NULL AND contype = 'f') AS foreign_keys,
       (SELECT coalesce(jsonb_agg(format('ALTER TABLE %s ADD CONSTRAINT %I %s', hypertable.defined,
                                         conname, definition) ORDER BY conname), '[]')
        FROM (SELECT conname, pg_get_constraintdef(oid) AS definition
              FROM pg_constraint
              WHERE conrelid = hypertable.oid AND contype IN ('c', 'n') AND NOT convalidated
              OFFSET 0) AS unvalidated
        WHERE definition IS NOT NULL) AS unvalidated,
       (SELECT coalesce(jsonb_agg(attribute.attname), '[]')
        FROM _timescaledb_catalog.dimension
        JOIN pg_attribute AS attribute ON attribute.attrelid = hypertable.oid
                                      AND attribute.attname = dimension.column_name
        WHERE dimension.hypertable_id = hypertable.id AND dimension.num_slices IS NOT NULL
          AND NOT attribute.attnotnull) AS nullable_dimensions,
       NOT EXISTS (SELECT FROM _timescaledb_catalog.dimension
                   JOIN pg_attribute AS attribute ON attribute.attrelid = hypertable.oid
                                                 AND attribute.attname = dimension.column_name
                   JOIN pg_attribute AS before ON before.attrelid = hypertable.oid
                                              AND before.attnum BETWEEN 1 AND attribute.attnum
                   WHERE dimension.hypertable_id = hypertable.id AND before.attisdropped)
           AS dimensions_in_place,
       hypertable.associated_table_prefix AS chunk_prefix,
       -- what LIKE copies
       (SELECT string_agg(text, '; ' ORDER BY text)
        FROM (SELECT concat_ws(' ', attnum, attname, format_type(atttypid, atttypmod), attcollation,
                               attnotnull, attgenerated, attstorage,
                               pg_get_expr(adbin, adrelid)) AS text
              FROM pg_attribute
              LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
              WHERE attrelid = hypertable.oid AND attnum > 0 AND NOT attisdropped
              UNION ALL
              SELECT concat_ws(' ', conname, pg_get_constraintdef(oid))
              FROM pg_constraint
              WHERE conrelid = hypertable.oid AND contype IN ('c', 'n')) AS part) AS copied
FROM hypertable
JOIN pg_roles AS role ON role.rolname = current_user
JOIN pg_am AS access_method ON access_method.oid = hypertable.relam
