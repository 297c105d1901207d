-- Removes what an unfinished clone has created (create_clone_record.sql), with all that depends on it, and
-- its record. Fails if somebody has created something else in one of its schemas. Run in a transaction.
DO $$
DECLARE
    made record;
    found record;
BEGIN
    FOR made IN SELECT class, oid FROM __backfill_clone.object ORDER BY oid DESC LOOP
        -- An earlier DROP may have included it.
        SELECT * INTO found FROM pg_identify_object(made.class, made.oid, 0);
        CONTINUE WHEN found.identity IS NULL;
        IF made.class = 'pg_largeobject'::regclass THEN
            PERFORM lo_unlink(made.oid);
        ELSIF made.class = 'pg_proc'::regclass THEN
            -- With the arguments' modes, by which procedures of one name may differ.
            EXECUTE (SELECT format('DROP %s %s.%I(%s) CASCADE',
                                   CASE prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE'
                                                ELSE 'FUNCTION' END,
                                   found.schema, proname,
                                   CASE WHEN prokind = 'a' AND pronargs = 0 THEN '*'
                                        ELSE pg_get_function_identity_arguments(oid) END)
                     FROM pg_proc WHERE oid = made.oid);
        ELSE
            EXECUTE format('DROP %s %s%s', replace(found.type, '-', ' '), found.identity,
                           CASE WHEN made.class <> 'pg_namespace'::regclass THEN ' CASCADE' END);
        END IF;
    END LOOP;
    DROP SCHEMA __backfill_clone CASCADE;
END $$
