-- Owners and privileges: a row for each role that owns objects (`owner`), has privileges on some (`privileges`), or whose
-- future objects get privileges (`creator`), with the number of objects and an example. PUBLIC is the role ''.
--
-- The first superuser (BOOTSTRAP_SUPERUSERID, 10) is left out. pg_shdepend does not have what it owns (IsPinnedObject
-- in PostgreSQL's src/backend/catalog/catalog.c). Privileges are those that differ from the object's first ones.
--
-- $1: OIDs of chunks, which are left out
WITH relation AS MATERIALIZED (
    SELECT class.oid,
           class.relkind,
           class.relowner,
           class.relacl,
           -- TimescaleDB gives these the owner of their hypertable or aggregate.
           namespace.nspname = '_timescaledb_internal' AND class.relname LIKE '\_%' AS is_internal
    FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I')
      AND namespace.nspname NOT IN ('pg_toast', 'information_schema', '__backfill',
                                    '__backfill_clone')
      AND class.relpersistence <> 't'
      AND class.oid NOT IN (SELECT unnest($1::oid[]))
), object AS (
    SELECT 'pg_class'::regclass AS class, oid, 0 AS column_number,
           CASE relkind WHEN 'S' THEN 's' ELSE 'r' END AS type, relowner AS owner, relacl AS acl
    FROM relation
    UNION ALL
    SELECT 'pg_class'::regclass, relation.oid, attnum, 'c', relowner, attacl
    FROM relation
    JOIN pg_attribute ON attrelid = relation.oid AND NOT attisdropped
    UNION ALL
    SELECT 'pg_namespace'::regclass, oid, 0, 'n', nspowner, nspacl
    FROM pg_namespace
    WHERE nspname NOT IN ('information_schema', '__backfill', '__backfill_clone')
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, 'f', proowner, proacl FROM pg_proc
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 0, 'T', typowner, typacl FROM pg_type
    UNION ALL
    SELECT 'pg_language'::regclass, oid, 0, 'l', lanowner, lanacl FROM pg_language
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, 'F', fdwowner, fdwacl
    FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, oid, 0, 'S', srvowner, srvacl FROM pg_foreign_server
    UNION ALL
    SELECT 'pg_largeobject'::regclass, oid, 0, 'L', lomowner, lomacl FROM pg_largeobject_metadata
), privilege AS (
    SELECT object.class, object.oid, item.grantee
    FROM object
    LEFT JOIN pg_init_privs AS initial
           ON initial.classoid = object.class AND initial.objoid = object.oid
          AND initial.objsubid = object.column_number
    CROSS JOIN LATERAL (
        SELECT coalesce(initial.initprivs,
                        CASE WHEN column_number = 0
                             THEN acldefault(object.type::"char", object.owner) END)) AS first (acl)
    CROSS JOIN LATERAL (
        (SELECT grantee, privilege_type, is_grantable FROM aclexplode(object.acl)
         EXCEPT SELECT grantee, privilege_type, is_grantable FROM aclexplode(first.acl))
        UNION ALL
        (SELECT grantee, privilege_type, is_grantable FROM aclexplode(first.acl)
         EXCEPT SELECT grantee, privilege_type, is_grantable FROM aclexplode(object.acl))) AS item
    WHERE object.acl IS NOT NULL
    UNION ALL
    SELECT 'pg_default_acl'::regclass, pg_default_acl.oid, item.grantee
    FROM pg_default_acl
    CROSS JOIN LATERAL aclexplode(defaclacl) AS item
), owned AS (
    SELECT shared.classid, shared.objid, shared.refobjid
    FROM pg_shdepend AS shared
    WHERE shared.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND shared.deptype = 'o'
      AND shared.refclassid = 'pg_authid'::regclass
      AND shared.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass,
                                 'pg_subscription'::regclass, 'pg_user_mapping'::regclass)
      AND NOT EXISTS (SELECT FROM pg_depend AS member
                      WHERE member.classid = shared.classid AND member.objid = shared.objid
                        AND member.deptype = 'e')
      AND (shared.classid <> 'pg_class'::regclass
           OR shared.objid IN (SELECT oid FROM relation WHERE NOT is_internal))
)
SELECT 'owner' AS kind, role.rolname AS role, count(*) AS objects,
       min(pg_describe_object(classid, objid, 0)) AS example
FROM owned
JOIN pg_roles AS role ON role.oid = refobjid
GROUP BY 1, 2
UNION ALL
-- The target's role takes the place of the first superuser.
SELECT 'creator', CASE WHEN role.oid <> 10 THEN role.rolname ELSE '' END, count(*),
       min(pg_describe_object('pg_default_acl'::regclass, pg_default_acl.oid, 0))
FROM pg_default_acl
JOIN pg_roles AS role ON role.oid = defaclrole
GROUP BY 1, 2
UNION ALL
SELECT 'privileges', role.rolname, count(DISTINCT (class, privilege.oid)),
       min(pg_describe_object(class, privilege.oid, 0))
FROM privilege
JOIN (SELECT oid, rolname FROM pg_roles UNION ALL SELECT 0, '') AS role ON role.oid = grantee
WHERE grantee <> 10
GROUP BY 1, 2
ORDER BY 1, 2
