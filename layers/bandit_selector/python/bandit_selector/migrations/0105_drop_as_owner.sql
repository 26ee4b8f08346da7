-- So that a role without the tables can drop a week that is over: one of ours, and no other table.
CREATE FUNCTION bandit_drop_partition(parent text, child text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF parent <> ALL (ARRAY['bandit_lists', 'bandit_reactions', 'feedback_events', 'bandit_shadows'])
        OR child !~ format('^%s_[0-9]{8}$', parent)
    THEN
        RAISE EXCEPTION '% is not a week of one of Bandit Selector''s tables.', child;
    END IF;
    EXECUTE format('LOCK TABLE ONLY %I, ONLY %I IN ACCESS EXCLUSIVE MODE NOWAIT', parent, child);
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, child);
    EXECUTE format('DROP TABLE %I', child);
END $$;
REVOKE EXECUTE ON FUNCTION bandit_drop_partition(text, text) FROM PUBLIC;
