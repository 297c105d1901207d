-- Whether the queue exists, and has the format of create_schema.sql or one that can be adapted: one row.
SELECT namespace.oid IS NOT NULL AS present,
       coalesce(obj_description(namespace.oid, 'pg_namespace')
                    = 'timescaledb-backfill queue, format 12', false) AS known,
       coalesce(obj_description(namespace.oid, 'pg_namespace')
                    IN ('timescaledb-backfill queue, format 10',
                        'timescaledb-backfill queue, format 11'), false) AS earlier
FROM (SELECT) AS one_row
LEFT JOIN pg_namespace AS namespace ON namespace.nspname = '__backfill'
