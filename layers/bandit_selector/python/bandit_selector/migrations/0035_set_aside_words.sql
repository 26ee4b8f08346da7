-- Why a row of the inbox could not be counted: it waits for nobody, and the next thing that is said about it tries again.
ALTER TABLE bandit_inbox ADD refused text;
