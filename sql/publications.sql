-- The database's publications: one row.
SELECT count(*) AS count,
       -- which have the tables of the queue, and those that chunks are loaded into; NULL if none has
       string_agg(quote_ident(pubname), ', ' ORDER BY pubname) FILTER (WHERE puballtables AND pubinsert)
           AS of_all_tables,
       -- the server decodes what they publish
       current_setting('wal_level') = 'logical' AS is_decoded
FROM pg_publication
