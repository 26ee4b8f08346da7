"""What is recorded of the arms from before their own outcomes: shadows, the site's rows, its old counts. Reads only."""

from bandit_selector.learning.history import UNKNOWN, Told
from bandit_selector.store.connection import Connection


def of_shadows(connection: Connection) -> list[Told]:
    """What control's impressions taught while shadows were drawn; see lists/shadow.py."""
    rows = connection.execute(
        """
        SELECT context_key, arm, sum(successes)::float8, sum(failures)::float8 FROM bandit_shadow_arms
        GROUP BY context_key, arm HAVING sum(successes + failures) > 0 ORDER BY context_key, arm
        """
    )
    return [Told("shadow", *row) for row in rows]


def of_rows(connection: Connection, *, silence_counts: bool) -> list[Told]:
    """What the site's own rows say of arms; a row of which nothing was heard is a failure if silence counts."""
    rows = connection.execute(
        """
        SELECT context_key, arm, sum(successes)::float8,
            sum(failures + CASE WHEN %s THEN silent ELSE 0 END)::float8
        FROM bandit_site_arms GROUP BY context_key, arm ORDER BY context_key, arm
        """,
        [silence_counts],
    )
    return [Told("rows", *row) for row in rows]


def of_states(connection: Connection) -> list[Told]:
    """The counts of the old application's cells, by arm: their keys do not tell the context."""
    rows = connection.execute(
        """
        SELECT algorithm, sum(total_successes)::float8, sum(total_failures)::float8 FROM bandit_states
        WHERE position('|' IN context_key) = 0
        GROUP BY algorithm HAVING sum(total_successes + total_failures) > 0 ORDER BY algorithm
        """
    )
    return [Told("states", UNKNOWN, *row) for row in rows]
