-- The columns of tables: a row for each table that exists and has columns. It is run only once for
-- tables with the same columns, that is, the same signature in chunks.sql and similar files. (OFFSET 0
-- makes the planner look up catalogs row by row. It expects far more rows than there are, and would
-- otherwise read whole catalogs.)
--
-- $1: the tables' qualified and quoted names; number is the index of a name in this array, from 1
WITH RECURSIVE attribute AS (
    SELECT wanted.number, attribute.*
    FROM (SELECT number, to_regclass(name)::oid AS relid
          FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
          OFFSET 0) AS wanted
    CROSS JOIN LATERAL (
        SELECT * FROM pg_attribute
        WHERE attrelid = wanted.relid AND attnum > 0 AND NOT attisdropped
        OFFSET 0) AS attribute
),
-- Each column's type and the types that it consists of. Binary COPY is impossible if one of them has
-- no binary format, if the format contains OIDs, which differ on another server (reg* types), or if
-- the type refuses its own output for an empty value (int2vector, oidvector, tsquery). Arrays and
-- composites contain the OIDs of their elements' types, which are checked only if both are built in
-- (array_recv and record_recv in PostgreSQL's src/backend/utils/adt, from 14 on).
part (number, attnum, type) AS (
    SELECT attribute.number, attribute.attnum, attribute.atttypid FROM attribute
    UNION
    SELECT part.number, part.attnum, inside.type
    FROM part
    CROSS JOIN LATERAL (SELECT * FROM pg_type WHERE oid = part.type OFFSET 0) AS type
    CROSS JOIN LATERAL (
        SELECT type.typelem WHERE type.typcategory = 'A'
        UNION ALL
        SELECT type.typbasetype WHERE type.typtype = 'd'
        UNION ALL
        SELECT member.atttypid
        FROM pg_attribute AS member
        WHERE type.typtype = 'c' AND member.attrelid = type.typrelid
          AND member.attnum > 0 AND NOT member.attisdropped
        UNION ALL
        SELECT range.rngsubtype FROM pg_range AS range WHERE range.rngtypid = type.oid
        UNION ALL
        SELECT range.rngsubtype FROM pg_range AS range
        -- from PostgreSQL 14 on
        WHERE (to_jsonb(range) ->> 'rngmultitypid')::oid = type.oid
    ) AS inside (type)
),
as_text AS (
    SELECT part.number, part.attnum,
           bool_or(type.typsend = 0 OR type.typreceive = 0
                   -- FirstNormalObjectId, src/include/access/transam.h
                   OR (type.oid < 16384 AND type.typname IN (
                           'regclass', 'regcollation', 'regconfig', 'regdictionary',
                           'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure',
                           'regrole', 'regtype', 'int2vector', 'oidvector', 'tsquery'))) AS as_text
    FROM part
    CROSS JOIN LATERAL (SELECT * FROM pg_type WHERE oid = part.type OFFSET 0) AS type
    GROUP BY part.number, part.attnum
),
-- TimescaleDB truncates the names of metadata columns, possibly within a character
-- (compressed_column_metadata_name_v2 in its tsl/src/compression/create.c). A name that is not valid
-- UTF-8 cannot be used in a statement, and is empty here.
utf8 AS (
    SELECT '^([0-7].|[cd].[89ab].|e.([89ab].){2}|f.([89ab].){3})*$' AS pattern
)
SELECT attribute.number,
       jsonb_agg(jsonb_build_object(
           'name', CASE WHEN encode(textsend(attribute.attname::text), 'hex') ~ utf8.pattern
                        THEN attribute.attname ELSE '' END,
           'type', format_type(attribute.atttypid, attribute.atttypmod),
           'generated', attribute.attgenerated <> '',
           -- the name of a built-in type; another type of the same name may differ in another database
           'built_in', CASE WHEN type.oid < 16384 THEN type.typname END,
           'enum', type.typtype = 'e',
           'collatable', attribute.attcollation <> 0,
           'sorting', sorting.name,
           'missing', attribute.atthasmissing,
           'as_text', as_text.as_text,
           'storage', attribute.attstorage,
           'statistics', attribute.attstattarget,
           'collation', CASE WHEN attribute.attcollation <> type.typcollation
                             THEN (SELECT format('%I.%I', namespace.nspname,
                                                          collation_.collname)
                                   FROM pg_collation AS collation_
                                   JOIN pg_namespace AS namespace
                                     ON namespace.oid = collation_.collnamespace
                                   WHERE collation_.oid = attribute.attcollation) END)
           ORDER BY attribute.attnum) AS list
FROM attribute
CROSS JOIN utf8
CROSS JOIN LATERAL (SELECT * FROM pg_type WHERE oid = attribute.atttypid OFFSET 0) AS type
-- The provider, locale and version by which a collatable column is sorted. The catalogs' columns
-- differ by version.
LEFT JOIN LATERAL (
    SELECT CASE WHEN locale.provider = 'c' AND locale.name IN ('C', 'POSIX') THEN 'C'
                ELSE concat_ws(' ', locale.provider, locale.name, locale.rules, locale.version)
           END AS name
    FROM pg_collation AS collation_
    LEFT JOIN pg_database AS database
           ON database.datname = current_database() AND collation_.collprovider = 'd'
    CROSS JOIN LATERAL (
        SELECT coalesce(to_jsonb(database), '{}') || to_jsonb(collation_) AS row OFFSET 0
    ) AS catalog
    CROSS JOIN LATERAL (
        SELECT coalesce(row ->> 'datlocprovider', nullif(row ->> 'collprovider', 'd'), 'c')
                   AS provider,
               coalesce(row ->> 'datlocale', row ->> 'daticulocale', row ->> 'colllocale',
                        row ->> 'colliculocale', row ->> 'datcollate', row ->> 'collcollate')
                   AS name,
               coalesce(row ->> 'daticurules', row ->> 'collicurules') AS rules,
               coalesce(row ->> 'datcollversion', row ->> 'collversion') AS version
    ) AS locale
    WHERE collation_.oid = attribute.attcollation
    OFFSET 0) AS sorting ON true
JOIN as_text USING (number, attnum)
GROUP BY attribute.number
