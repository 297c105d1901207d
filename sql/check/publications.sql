-- The database's publications: one row.
--
-- $1, $2: schemas and names of hypertables behind continuous aggregates
SELECT count(*) AS count,
       -- publications that include the queue and staging tables; NULL if there is none
       string_agg(quote_ident(pubname), ', ' ORDER BY pubname) FILTER (WHERE puballtables AND pubinsert)
           AS of_all_tables,
       -- logical decoding is possible
       current_setting('wal_level') = 'logical' AS is_decoded,
       -- positions, from 1, of the hypertables whose rows cannot be deleted, so that TimescaleDB
       -- cannot refresh them; they have no primary key
       (SELECT coalesce(jsonb_agg(wanted.number ORDER BY wanted.number), '[]')
        FROM unnest($1::name[], $2::name[]) WITH ORDINALITY AS wanted (schema_name, name, number)
        JOIN pg_namespace AS namespace ON namespace.nspname = wanted.schema_name
        JOIN pg_class AS class
          ON class.relnamespace = namespace.oid AND class.relname = wanted.name
        WHERE class.relreplident NOT IN ('f', 'i')
          AND EXISTS (SELECT FROM pg_publication WHERE puballtables AND pubdelete)) AS not_refreshed
FROM pg_publication
