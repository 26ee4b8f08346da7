-- Whoever writes lists waits before a row is locked: the builder changes popularity first, and lists then.
CREATE FUNCTION bandit_candidates_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7310113); -- Lock.LISTS
    RETURN NULL;
END $$;
CREATE TRIGGER bandit_candidates_wait BEFORE INSERT OR UPDATE OR DELETE ON recommendation_candidates
    FOR EACH STATEMENT EXECUTE FUNCTION bandit_candidates_wait();
