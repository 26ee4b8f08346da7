-- The places of a list at which an arm had no movie left, so that the others were drawn more often than published: bit n
-- stands for place n, as in `seen`. Null means none.
ALTER TABLE bandit_lists ADD COLUMN dropped_out bigint;
