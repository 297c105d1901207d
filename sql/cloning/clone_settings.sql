-- What belongs to the database, and is not in a dump: its settings, for all roles or for one, its comment, its owner
-- (but for the first superuser), and others' privileges that differ from a new database's.
-- The search_path of the database and of this role is left out, because postgres::search_path_difference() looks at what it means.
SELECT format('setting %s = %L%s', known.name, substr(item, length(known.name) + 2),
              CASE WHEN role.oid IS NOT NULL THEN format(' of the role %I', role.rolname) END)
           AS setting,
       'settings' AS kind,
       'ALTER DATABASE ... SET, or ALTER ROLE ... IN DATABASE ... SET' AS remedy
FROM pg_db_role_setting AS setting
JOIN pg_database AS database ON database.oid = setting.setdatabase
LEFT JOIN pg_roles AS role ON role.oid = setting.setrole
CROSS JOIN unnest(setting.setconfig) AS item
CROSS JOIN LATERAL (SELECT split_part(item, '=', 1)) AS known (name)
WHERE database.datname = current_database()
  AND known.name <> 'timescaledb.restoring'
  AND (known.name <> 'search_path' OR setting.setrole NOT IN (0, current_user::regrole))
UNION ALL
SELECT format('comment %L', comment), 'comments', 'COMMENT ON DATABASE ... IS ...'
FROM pg_database AS database
CROSS JOIN LATERAL (SELECT shobj_description(database.oid, 'pg_database')) AS known (comment)
WHERE database.datname = current_database() AND comment IS NOT NULL
UNION ALL
SELECT format('owner %I', role.rolname), 'owners', 'ALTER DATABASE ... OWNER TO'
FROM pg_database AS database
JOIN pg_roles AS role ON role.oid = datdba
WHERE database.datname = current_database() AND role.oid <> 10
UNION ALL
SELECT format('%s of %s', item.description, coalesce(quote_ident(role.rolname), 'PUBLIC')), 'privileges',
       'GRANT or REVOKE ... ON DATABASE'
FROM pg_database AS database
CROSS JOIN LATERAL (SELECT acldefault('d', datdba)) AS initial (acl)
CROSS JOIN LATERAL (
    (SELECT 'privilege ' || privilege_type, grantee FROM aclexplode(datacl)
     EXCEPT SELECT 'privilege ' || privilege_type, grantee FROM aclexplode(initial.acl))
    UNION ALL
    (SELECT 'missing privilege ' || privilege_type, grantee FROM aclexplode(initial.acl)
     EXCEPT SELECT 'missing privilege ' || privilege_type, grantee FROM aclexplode(datacl)))
    AS item (description, grantee)
LEFT JOIN pg_roles AS role ON role.oid = grantee
WHERE database.datname = current_database() AND datacl IS NOT NULL AND grantee <> datdba
ORDER BY 1
