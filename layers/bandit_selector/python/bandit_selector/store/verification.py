"""The invariant: learned counts are a function of the recorded events. Reads everything, writes nothing."""

from bandit_selector.store import rollups
from bandit_selector.store.connection import Connection


def first_difference(connection: Connection) -> str | None:
    """The first stored figure that does not follow from the events, as a sentence; None when every one does."""
    return _cells_difference(connection) or rollups.first_difference(connection)


def _cells_difference(connection: Connection) -> str | None:
    """The first cell whose counts do not follow from its events, as a sentence; None when every cell's do.

    For every cell: successes, failures and pulls = those of its events + those archived when events were removed;
    alpha = prior_alpha + successes; beta = prior_beta + failures.
    """
    row = connection.execute(
        """
        WITH event AS (
            SELECT context->>'context_key' AS context_key, substr(algorithm, 8) AS algorithm,
                count(*) AS pulls,
                count(*) FILTER (WHERE outcome = 'success') AS successes,
                count(*) FILTER (WHERE outcome = 'failure') AS failures
            FROM recommendation_events WHERE propensity IS NOT NULL AND outcome IS NOT NULL
            GROUP BY 1, 2
        ), cell AS (
            SELECT context_key, algorithm,
                ARRAY[s.total_pulls, s.total_successes, s.total_failures, s.alpha, s.beta] AS stored,
                ARRAY[
                    s.archived_pulls + coalesce(e.pulls, 0),
                    s.archived_successes + coalesce(e.successes, 0),
                    s.archived_failures + coalesce(e.failures, 0),
                    s.prior_alpha + s.archived_successes + coalesce(e.successes, 0),
                    s.prior_beta + s.archived_failures + coalesce(e.failures, 0)
                ] AS recomputed
            FROM bandit_states AS s FULL JOIN event AS e USING (context_key, algorithm)
        )
        SELECT context_key, algorithm, stored, recomputed FROM cell
        WHERE stored IS DISTINCT FROM recomputed
        ORDER BY context_key, algorithm LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    context_key, algorithm, stored, recomputed = row
    return (
        f"Cell {context_key} × {algorithm} stores pulls, successes, failures, alpha, beta = {stored or 'nothing'},"
        f" but its events give {recomputed if stored else 'some outcomes'}."
    )
