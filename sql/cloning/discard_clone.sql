-- Removes what an unfinished clone has created (create_clone_record.sql), with all that depends on it, and
-- its record. Run in a transaction.
DO $$
DECLARE
    made record;
    found record;
BEGIN
    FOR made IN SELECT class, oid FROM __backfill_clone.object ORDER BY oid DESC LOOP
        -- An earlier DROP may have included it.
        SELECT * INTO found FROM pg_identify_object(made.class, made.oid, 0);
        IF found.identity IS NOT NULL THEN
            EXECUTE format('DROP %s %s CASCADE', replace(found.type, '-', ' '), found.identity);
        END IF;
    END LOOP;
    DROP SCHEMA __backfill_clone CASCADE;
END $$
