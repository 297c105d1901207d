-- The settings of the database, for all roles or for one, which pg_dump does not include: a row for each.
-- The search_path is left out, because postgres::search_path_difference() looks at what it means.
SELECT format('%s = %L%s', known.name, substr(item, length(known.name) + 2),
              CASE WHEN role.oid IS NOT NULL THEN format(' of the role %I', role.rolname) END)
           AS setting
FROM pg_db_role_setting AS setting
JOIN pg_database AS database ON database.oid = setting.setdatabase
LEFT JOIN pg_roles AS role ON role.oid = setting.setrole
CROSS JOIN unnest(setting.setconfig) AS item
CROSS JOIN LATERAL (SELECT split_part(item, '=', 1)) AS known (name)
WHERE database.datname = current_database()
  AND known.name NOT IN ('search_path', 'timescaledb.restoring')
ORDER BY 1
