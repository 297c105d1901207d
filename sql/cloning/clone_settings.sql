-- What belongs to the database, and is not in a dump: its settings, for all roles or for one, and its comment.
-- The search_path is left out, because postgres::search_path_difference() looks at what it means.
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
  AND known.name NOT IN ('search_path', 'timescaledb.restoring')
UNION ALL
SELECT format('comment %L', comment), 'comments', 'COMMENT ON DATABASE ... IS ...'
FROM pg_database AS database
CROSS JOIN LATERAL (SELECT shobj_description(database.oid, 'pg_database')) AS known (comment)
WHERE database.datname = current_database() AND comment IS NOT NULL
ORDER BY 1
