-- The files that are, or were, imported, in the order of their tables and names.
-- include queue/imported_files.inc
ORDER BY import.table_schema, import.table_name, import.name
