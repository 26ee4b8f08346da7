"""How much single visitors weigh in the test: their totals, the bounds in force, and what exceeds these."""

from datetime import datetime
from typing import Final

from bandit_selector.evidence.bound import Bound
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock

SAMPLED: Final = 20_000
"""About so many visitors' totals give a quantile to a third of a percent."""


def sample(connection: Connection, phase: int) -> list[tuple[int, int]]:
    """(shown, clicked) of visitors of a phase: all of a small table, else those on some of its pages."""
    row = connection.execute(
        "SELECT greatest(reltuples, 1) FROM pg_class WHERE oid = 'experiment_visitors'::regclass"
    ).fetchone()
    percent = min(100.0, 100.0 * SAMPLED / (row[0] if row else 1))
    rows = connection.execute(
        "SELECT shown, clicked FROM experiment_visitors TABLESAMPLE SYSTEM (%s) REPEATABLE (1)"
        " WHERE phase = %s AND shown > 0",
        [percent, phase],
    )
    return rows.fetchall()


def in_force(connection: Connection, phase: int) -> Bound | None:
    row = connection.execute("SELECT places, rate FROM experiment_bounds WHERE phase = %s", [phase]).fetchone()
    return Bound(*row) if row else None


def put_in_force(connection: Connection, phase: int, bound: Bound | None, now: datetime) -> None:
    """Makes this the phase's bound, and computes what exceeds it. Reads all visitors of the phase; writers wait."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.SET_ASIDE])  # nobody folds meanwhile
        connection.execute("DELETE FROM experiment_bounds WHERE phase = %s", [phase])
        connection.execute("DELETE FROM experiment_excess WHERE phase = %s", [phase])
        if bound:
            connection.execute(
                "INSERT INTO experiment_bounds VALUES (%s, %s, %s, %s)", [phase, bound.places, bound.rate, now]
            )
            connection.execute(
                "INSERT INTO experiment_excess SELECT * FROM experiment_excess_recomputed WHERE phase = %s", [phase]
            )


def recompute(connection: Connection) -> None:
    """Computes again what exceeds the bounds of every phase; the caller keeps writers out."""
    connection.execute("DELETE FROM experiment_excess")
    connection.execute("INSERT INTO experiment_excess SELECT * FROM experiment_excess_recomputed")


def difference(connection: Connection) -> str | None:
    """The first cluster whose stored excess does not follow from its visitors' totals, as a sentence."""
    row = connection.execute(
        """
        SELECT ab_group, cluster, ARRAY[stored.shown, stored.clicked], ARRAY[due.shown, due.clicked]
        FROM (SELECT * FROM experiment_excess WHERE (shown, clicked) <> (0, 0)) AS stored
        FULL JOIN experiment_excess_recomputed AS due USING (phase, ab_group, cluster)
        WHERE (stored.shown, stored.clicked) IS DISTINCT FROM (due.shown, due.clicked) ORDER BY 1, 2 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Cluster {row[1]} of {row[0]} stores an excess of {row[2]}, but its visitors' totals give {row[3]}."
