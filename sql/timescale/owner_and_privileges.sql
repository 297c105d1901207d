-- Statements that give a new table the owner and the privileges of a hypertable, as TimescaleDB's
-- ts_copy_relation_acl does for its own: one row, with NULL if there is nothing to do.
--
-- $1: the hypertable's qualified and quoted name
-- $2: the table's
WITH hypertable AS (
    SELECT relowner, relacl FROM pg_class WHERE oid = to_regclass($1::text)
),
statement (place, text) AS (
    SELECT 1, format('ALTER TABLE %s OWNER TO %I', $2::text, pg_get_userbyid(relowner))
    FROM hypertable
    WHERE pg_get_userbyid(relowner) <> current_user
    UNION ALL
    SELECT 2, format('REVOKE ALL ON %s FROM %I', $2::text, pg_get_userbyid(relowner))
    FROM hypertable
    WHERE relacl IS NOT NULL
    UNION ALL
    SELECT 3, format('GRANT %s ON %s TO %s%s', item.privilege_type, $2::text,
                     CASE item.grantee WHEN 0 THEN 'PUBLIC'
                                       ELSE quote_ident(pg_get_userbyid(item.grantee)) END,
                     CASE WHEN item.is_grantable THEN ' WITH GRANT OPTION' END)
    FROM hypertable
    CROSS JOIN LATERAL aclexplode(relacl) AS item
)
SELECT string_agg(text, '; ' ORDER BY place, text) AS statements FROM statement
