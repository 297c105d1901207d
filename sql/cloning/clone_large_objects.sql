-- The number of large objects that the role may not read.
SELECT count(*) AS unreadable
FROM pg_largeobject_metadata
WHERE NOT pg_has_role(lomowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM aclexplode(lomacl)
                  WHERE privilege_type = 'SELECT' AND (grantee = 0 OR pg_has_role(grantee, 'USAGE')))
