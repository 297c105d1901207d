-- The tables that refuse DELETE and UPDATE because they are published without a replica identity,
-- or with a row filter or a column list that does not fit it: a row for each
-- (CheckCmdReplicaIdentity in PostgreSQL's src/backend/executor/execReplication.c;
-- pub_rf_contains_invalid_column and pub_collist_contains_invalid_column in
-- src/backend/commands/publicationcmds.c).
--
-- $1: the tables' qualified and quoted names; number is the index of a name in this array, from 1
SELECT wanted.number
FROM (SELECT number, to_regclass(name)::oid AS relid
      FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
      OFFSET 0) AS wanted
JOIN pg_class AS published ON published.oid = wanted.relid AND published.relpersistence = 'p'
LEFT JOIN LATERAL (SELECT index.indkey::int2[] AS columns
                   FROM pg_index AS index
                   WHERE index.indrelid = published.oid
                     AND index.indisvalid AND index.indimmediate
                     AND CASE published.relreplident
                         WHEN 'd' THEN index.indisprimary
                         WHEN 'i' THEN index.indisreplident END
                   LIMIT 1) AS key ON true
WHERE EXISTS (SELECT FROM pg_publication AS publication
              WHERE (publication.pubdelete OR publication.pubupdate)
                AND published.relreplident <> 'f' AND key.columns IS NULL
                AND (publication.puballtables
                     OR EXISTS (SELECT FROM pg_publication_rel AS member
                                WHERE member.prrelid = published.oid
                                  AND member.prpubid = publication.oid)
                     -- FOR TABLES IN SCHEMA, from PostgreSQL 15 on. Found by dependencies, because
                     -- pg_publication_namespace, whose OID is 6237, does not exist before.
                     OR EXISTS (SELECT FROM pg_depend AS member
                                JOIN pg_depend AS owner ON owner.classid = member.classid
                                                       AND owner.objid = member.objid
                                WHERE member.refclassid = 'pg_namespace'::regclass
                                  AND member.refobjid = published.relnamespace
                                  AND member.classid = 6237
                                  AND owner.refclassid = 'pg_publication'::regclass
                                  AND owner.refobjid = publication.oid)))
   OR EXISTS (SELECT FROM pg_publication_rel AS member
              JOIN pg_publication AS publication ON publication.oid = member.prpubid
              -- From PostgreSQL 15 on. Only the node tree of a row filter has the filter's columns.
              CROSS JOIN LATERAL (SELECT to_jsonb(member) ->> 'prqual' AS filter,
                                         translate(to_jsonb(member) ->> 'prattrs', '[]', '{}')::int2[] AS list)
                  AS taken
              WHERE member.prrelid = published.oid
                AND (publication.pubdelete OR publication.pubupdate)
                AND (published.relreplident <> 'f'
                     AND EXISTS (SELECT FROM regexp_matches(taken.filter, ':varattno (\d+)', 'g') AS variable
                                 WHERE variable[1]::int2 <> ALL (key.columns))
                     OR taken.list IS NOT NULL
                     AND (published.relreplident = 'f' OR NOT key.columns <@ taken.list)))
