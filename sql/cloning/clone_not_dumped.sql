-- What no dump of the database has, with the reason and the remedy, and an example and the number of the objects that
-- it is about, if it is about any. (selectDumpableObject and other functions in PostgreSQL's src/bin/pg_dump/pg_dump.c
-- leave it out.)
--
-- $1: the role that owns in the target what no other role owns
-- $2: OIDs of chunks. They only count for tablespaces.
-- $3: true for the target, with the versions of extensions that it will have
WITH this AS (
    SELECT oid, datdba, datacl, datconnlimit FROM pg_database WHERE datname = current_database()
), member AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), of_database AS (
    -- The search_path of the database and of this role is left out, because postgres::search_path_difference() looks at
    -- what it means.
    SELECT format('setting %s = %L%s', known.name, substr(item, length(known.name) + 2),
                  CASE WHEN role.oid IS NOT NULL THEN format(' of the role %I', role.rolname) END)
               AS what,
           'settings' AS kind,
           'ALTER DATABASE ... SET, or ALTER ROLE ... IN DATABASE ... SET' AS remedy
    FROM this
    JOIN pg_db_role_setting AS setting ON setting.setdatabase = this.oid
    LEFT JOIN pg_roles AS role ON role.oid = setting.setrole
    CROSS JOIN unnest(setting.setconfig) AS item
    CROSS JOIN LATERAL (SELECT split_part(item, '=', 1)) AS known (name)
    WHERE known.name <> 'timescaledb.restoring'
      AND (known.name <> 'search_path' OR setting.setrole NOT IN (0, current_user::regrole))
    UNION ALL
    SELECT format('comment %L', comment), 'comments', 'COMMENT ON DATABASE ... IS ...'
    FROM this
    CROSS JOIN LATERAL (SELECT shobj_description(this.oid, 'pg_database')) AS known (comment)
    WHERE comment IS NOT NULL
    UNION ALL
    -- but for the first superuser
    SELECT format('owner %I', role.rolname), 'owners', 'ALTER DATABASE ... OWNER TO'
    FROM this
    JOIN pg_roles AS role ON role.oid = datdba
    WHERE role.oid <> 10
    UNION ALL
    SELECT format('%s of %s', item.description, coalesce(quote_ident(role.rolname), 'PUBLIC')), 'privileges',
           'GRANT or REVOKE ... ON DATABASE'
    FROM this
    CROSS JOIN LATERAL (SELECT acldefault('d', datdba)) AS initial (acl)
    CROSS JOIN LATERAL (
        (SELECT 'privilege ' || privilege_type, grantee FROM aclexplode(datacl)
         EXCEPT SELECT 'privilege ' || privilege_type, grantee FROM aclexplode(initial.acl))
        UNION ALL
        (SELECT 'missing privilege ' || privilege_type, grantee FROM aclexplode(initial.acl)
         EXCEPT SELECT 'missing privilege ' || privilege_type, grantee FROM aclexplode(datacl)))
        AS item (description, grantee)
    LEFT JOIN pg_roles AS role ON role.oid = grantee
    WHERE datacl IS NOT NULL AND grantee <> datdba
    UNION ALL
    SELECT 'connection limit ' || datconnlimit, 'limits', 'ALTER DATABASE ... CONNECTION LIMIT'
    FROM this
    WHERE datconnlimit <> -1
    UNION ALL
    SELECT format('security label %L', label), 'security labels', format('SECURITY LABEL FOR %I ON DATABASE', provider)
    FROM this
    JOIN pg_shseclabel ON classoid = 'pg_database'::regclass AND objoid = this.oid
), of_information_schema AS (
    -- pg_init_privs has nothing about them. initdb grants these to PUBLIC (src/backend/catalog/information_schema.sql).
    SELECT 'pg_namespace'::regclass AS class, oid, 0 AS column_number, nspacl AS acl,
           acldefault('n', nspowner) AS initial, 'USAGE' AS to_public
    FROM pg_namespace WHERE nspname = 'information_schema'
    UNION ALL
    SELECT 'pg_class'::regclass, class.oid, 0, relacl,
           acldefault('r', relowner), CASE WHEN relname NOT LIKE '\_pg\_%' THEN 'SELECT' END
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = relnamespace
    WHERE nspname = 'information_schema' AND relkind IN ('r', 'v')
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, attacl, NULL, NULL
    FROM pg_attribute JOIN pg_class AS class ON class.oid = attrelid
    JOIN pg_namespace AS namespace ON namespace.oid = relnamespace
    WHERE nspname = 'information_schema'
    UNION ALL
    SELECT 'pg_proc'::regclass, function.oid, 0, proacl, acldefault('f', proowner), NULL
    FROM pg_proc AS function JOIN pg_namespace AS namespace ON namespace.oid = pronamespace
    WHERE nspname = 'information_schema'
    UNION ALL
    SELECT 'pg_type'::regclass, type.oid, 0, typacl, acldefault('T', typowner), NULL
    FROM pg_type AS type JOIN pg_namespace AS namespace ON namespace.oid = typnamespace
    WHERE nspname = 'information_schema'
), in_schema AS (
    SELECT 'pg_class'::regclass AS class, oid, relnamespace AS schema FROM pg_class
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
    UNION ALL
    SELECT 'pg_operator'::regclass, oid, oprnamespace FROM pg_operator
    UNION ALL
    SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type WHERE typrelid = 0 AND typelem = 0
    UNION ALL
    SELECT 'pg_collation'::regclass, oid, collnamespace FROM pg_collation
    UNION ALL
    SELECT 'pg_conversion'::regclass, oid, connamespace FROM pg_conversion
    UNION ALL
    SELECT 'pg_opclass'::regclass, oid, opcnamespace FROM pg_opclass
    UNION ALL
    SELECT 'pg_opfamily'::regclass, oid, opfnamespace FROM pg_opfamily
    UNION ALL
    SELECT 'pg_ts_config'::regclass, oid, cfgnamespace FROM pg_ts_config
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, oid, dictnamespace FROM pg_ts_dict
)
SELECT 'the ' || what AS what, NULL AS example, 0 AS objects,
       kind || ' of databases are not cloned' AS reason, remedy
FROM of_database
UNION ALL
SELECT format('the tablespace %I', spcname), min(class.oid::regclass::text), count(*),
       'tablespaces are not cloned', 'ALTER ... SET TABLESPACE'
FROM pg_class AS class
JOIN pg_tablespace ON pg_tablespace.oid = class.reltablespace
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE spcname <> 'pg_global'
  AND namespace.nspname NOT IN ('pg_toast', 'information_schema', '__backfill', '__backfill_clone')
  AND class.relpersistence <> 't'
GROUP BY spcname
UNION ALL
SELECT format('the subscription %I', subname), NULL, 0, 'subscriptions are not cloned', 'CREATE SUBSCRIPTION'
FROM this
JOIN pg_subscription ON subdbid = this.oid
UNION ALL
SELECT format('the owner %I', rolname), min('extension ' || quote_ident(extname)), count(*),
       'an extension belongs to the role that creates it', 'before cloning, CREATE EXTENSION as that role'
FROM pg_extension
JOIN pg_roles ON pg_roles.oid = extowner
WHERE extowner <> 10 AND rolname <> $1
GROUP BY rolname
UNION ALL
SELECT format('the version %s of the extension %I', coalesce(installed_version, default_version), name), NULL, 0,
       'dumps do not have versions of extensions', 'before cloning, CREATE EXTENSION ... VERSION in the target, or ALTER EXTENSION ... UPDATE in the source'
FROM pg_available_extensions
WHERE (installed_version IS NOT NULL OR $3::bool) AND name NOT IN ('timescaledb', 'plpgsql')
UNION ALL
-- ALTER TABLE ... DISABLE TRIGGER ALL
SELECT 'the disabled triggers', min(format('the foreign key %I of %s', conname, conrelid::regclass)),
       count(DISTINCT pg_constraint.oid), 'dumps do not have the state of foreign keys', 'ALTER TABLE ... DISABLE TRIGGER ALL'
FROM pg_trigger
JOIN pg_constraint ON pg_constraint.oid = tgconstraint
WHERE tgisinternal AND tgenabled <> 'O' AND contype = 'f'
  AND tgrelid NOT IN (SELECT unnest($2::oid[]))
HAVING count(*) > 0
UNION ALL
SELECT format('the publication %I', pubname), min(prrelid::regclass::text), count(*),
       'dumps do not publish what belongs to an extension', 'ALTER PUBLICATION ... ADD TABLE'
FROM pg_publication_rel
JOIN pg_publication ON pg_publication.oid = prpubid
JOIN member ON classid = 'pg_class'::regclass AND objid = prrelid
GROUP BY pubname
UNION ALL
SELECT 'the privileges', min(pg_describe_object(class, oid, column_number)), count(*),
       'dumps do not have privileges on information_schema', 'GRANT or REVOKE'
FROM of_information_schema
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT ARRAY[grantee::text, privilege_type]) FROM aclexplode(coalesce(acl, initial))) AS own (items)
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT ARRAY[grantee::text, privilege_type])
    FROM (SELECT grantee, privilege_type FROM aclexplode(initial)
          UNION ALL SELECT 0, to_public WHERE to_public IS NOT NULL) AS item) AS first (items)
WHERE acl IS NOT NULL AND own.items IS DISTINCT FROM first.items
HAVING count(*) > 0
UNION ALL
SELECT 'the definition', min(pg_describe_object(class, object.oid, 0)), count(*),
       'dumps do not have objects in ' || nspname, 'create them in another schema'
FROM in_schema AS object
JOIN pg_namespace AS namespace ON namespace.oid = schema
WHERE nspname IN ('pg_catalog', 'information_schema')
  AND object.oid >= 16384 -- FirstNormalObjectId
  AND (class, object.oid) NOT IN (SELECT classid, objid FROM member)
GROUP BY nspname
UNION ALL
SELECT 'the index ' || indexrelid::regclass, NULL, 0, 'it is invalid',
       'before cloning, REINDEX INDEX or DROP INDEX in the source'
FROM pg_index
JOIN pg_class AS class ON class.oid = indrelid
JOIN pg_namespace AS namespace ON namespace.oid = relnamespace
WHERE NOT (indisready AND (indisvalid OR relkind = 'p'))
  AND nspname <> 'pg_toast'
  AND relpersistence <> 't'
  AND indrelid NOT IN (SELECT unnest($2::oid[]))
UNION ALL
-- as the view pg_user_mappings hides them
SELECT 'the options', min(format('the user mapping for %s of %I', usename, mapping.srvname)), count(*),
       'the source''s role may not read them', 'clone as a superuser, or ALTER USER MAPPING ... OPTIONS'
FROM pg_user_mappings AS mapping
JOIN pg_foreign_server AS server ON server.oid = srvid
WHERE umoptions IS NULL
  AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  AND NOT CASE WHEN umuser = 0 THEN pg_has_role(srvowner, 'USAGE')
               ELSE usename = current_user
                    AND (pg_has_role(srvowner, 'USAGE') OR has_server_privilege(srvid, 'USAGE')) END
HAVING count(*) > 0
ORDER BY 1
