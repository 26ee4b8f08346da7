"""The invariant: learned counts are a function of the recorded events. Reads everything, writes nothing."""

from bandit_selector.store import rollups
from bandit_selector.store.connection import Connection


def first_difference(connection: Connection) -> str | None:
    """The first stored figure that does not follow from the events, as a sentence; None when every one does."""
    return first_wrong_cell(connection) or rollups.first_difference(connection)


def rebuild(connection: Connection) -> int:
    """Restores every cell's counts and all sums from the events and the archive; returns how many cells were wrong.

    One transaction. Consumers wait for it; what they have counted but not committed is added after it.
    """
    with connection.transaction():
        connection.execute("LOCK TABLE bandit_states IN SHARE ROW EXCLUSIVE MODE")
        wrong = connection.execute(
            """
            INSERT INTO bandit_states AS s
                (context_key, algorithm, total_pulls, total_successes, total_failures, alpha, beta)
            SELECT context_key, algorithm, pulls, successes, failures, 1 + successes, 1 + failures
            FROM bandit_states_recomputed ORDER BY context_key, algorithm
            ON CONFLICT (context_key, algorithm) DO UPDATE
            SET total_pulls = excluded.total_pulls,
                total_successes = excluded.total_successes,
                total_failures = excluded.total_failures,
                alpha = s.prior_alpha + excluded.total_successes,
                beta = s.prior_beta + excluded.total_failures,
                updated_at = now()
            WHERE (s.total_pulls, s.total_successes, s.total_failures, s.alpha, s.beta) IS DISTINCT FROM
                (excluded.total_pulls, excluded.total_successes, excluded.total_failures,
                 s.prior_alpha + excluded.total_successes, s.prior_beta + excluded.total_failures)
            """
        ).rowcount
        rollups.rebuild(connection)
    return wrong


def first_wrong_cell(connection: Connection) -> str | None:
    """The first cell that does not follow from its events, as a sentence.

    For every cell: successes, failures and pulls = those of its events + those archived when events were removed;
    alpha = prior_alpha + successes; beta = prior_beta + failures.
    """
    row = connection.execute(
        """
        SELECT context_key, algorithm,
            ARRAY[s.total_pulls, s.total_successes, s.total_failures, s.alpha, s.beta] AS stored,
            ARRAY[r.pulls, r.successes, r.failures, s.prior_alpha + r.successes, s.prior_beta + r.failures]
        FROM bandit_states_recomputed AS r LEFT JOIN bandit_states AS s USING (context_key, algorithm)
        WHERE (s.total_pulls, s.total_successes, s.total_failures, s.alpha, s.beta) IS DISTINCT FROM
            (r.pulls, r.successes, r.failures, s.prior_alpha + r.successes, s.prior_beta + r.failures)
        ORDER BY context_key, algorithm LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    context_key, arm, stored, due = row
    figures = "pulls, successes, failures, alpha, beta"
    return f"Cell {context_key} × {arm} stores {figures} = {stored}, but its events give {due}."
