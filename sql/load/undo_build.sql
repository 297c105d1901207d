-- Statements that drop what StagingTable::build() adds to a table; NULL if there is nothing.
--
-- $1: the table's qualified and quoted name
SELECT string_agg(statement, '; ') AS statements
FROM (SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', $1::text, conname)
      FROM pg_constraint
      WHERE conrelid = $1::regclass AND conparentid = 0 AND contype IN ('p', 'u', 'x', 'f')
      UNION ALL
      -- These are the stand-in's, if there is one.
      SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', coalesce(inhparent, conrelid)::regclass,
                    conname)
      FROM pg_constraint
      LEFT JOIN pg_inherits ON inhrelid = conrelid
      WHERE conrelid = $1::regclass AND contype IN ('c', 'n') AND NOT convalidated
      UNION ALL
      SELECT format('DROP INDEX %s', indexrelid::regclass)
      FROM pg_index
      WHERE indrelid = $1::regclass
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid
                                                    AND conrelid = indrelid)) AS undo (statement)
