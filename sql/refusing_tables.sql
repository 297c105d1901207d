-- The tables that refuse DELETE and UPDATE, for they are published without a key to tell rows by: a row
-- for each (CheckCmdReplicaIdentity in PostgreSQL's src/backend/executor/execReplication.c).
--
-- $1: the tables' qualified and quoted names; number is the place of one in this array, from 1
SELECT wanted.number
FROM (SELECT number, to_regclass(name)::oid AS relid
      FROM unnest($1::text[]) WITH ORDINALITY AS name (name, number)
      OFFSET 0) AS wanted
JOIN pg_class AS published ON published.oid = wanted.relid AND published.relpersistence = 'p'
WHERE published.relreplident <> 'f'
  AND NOT EXISTS (SELECT FROM pg_index AS index
                  WHERE index.indrelid = published.oid
                    AND index.indisvalid AND index.indimmediate
                    AND CASE published.relreplident
                        WHEN 'd' THEN index.indisprimary
                        WHEN 'i' THEN index.indisreplident END)
  AND EXISTS (SELECT FROM pg_publication AS publication
              WHERE (publication.pubdelete OR publication.pubupdate)
                AND (publication.puballtables
                     OR EXISTS (SELECT FROM pg_publication_rel AS member
                                WHERE member.prrelid = published.oid
                                  AND member.prpubid = publication.oid)
                     -- FOR TABLES IN SCHEMA, from PostgreSQL 15 on: by what depends on the schema,
                     -- for pg_publication_namespace, whose OID this is, is not there before
                     OR EXISTS (SELECT FROM pg_depend AS member
                                JOIN pg_depend AS owner ON owner.classid = member.classid
                                                       AND owner.objid = member.objid
                                WHERE member.refclassid = 'pg_namespace'::regclass
                                  AND member.refobjid = published.relnamespace
                                  AND member.classid = 6237
                                  AND owner.refclassid = 'pg_publication'::regclass
                                  AND owner.refobjid = publication.oid)))
