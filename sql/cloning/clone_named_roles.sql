-- The roles that a dump without owners and privileges still names, and what names them: row
-- security policies and user mappings.
--
-- $1: OIDs of tables that are left out: chunks
SELECT role.rolname AS role,
       format('policy %I on %s', policy.polname, policy.polrelid::regclass) AS object
FROM pg_policy AS policy
CROSS JOIN LATERAL unnest(policy.polroles) AS named (oid)
JOIN pg_roles AS role ON role.oid = named.oid
JOIN pg_class AS class ON class.oid = policy.polrelid
WHERE policy.polrelid NOT IN (SELECT unnest($1::oid[]))
  AND class.relpersistence <> 't'
UNION ALL
SELECT role.rolname, format('user mapping for the server %I', mapping.srvname)
FROM pg_user_mappings AS mapping
JOIN pg_roles AS role ON role.oid = mapping.umuser
ORDER BY 1, 2
