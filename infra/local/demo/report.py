"""A demo's figures: the product's own read-out, what was learned, and totals. Must not know visitors or print."""

from dataclasses import dataclass

from bandit_selector.evidence.experiment import ReadOut
from bandit_selector.services.experiment import whole_test
from bandit_selector.settings import Settings
from bandit_selector.store import activity
from bandit_selector.store.activity import Cell
from bandit_selector.store.connection import Connection
from bandit_selector.store.verification import first_difference


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Totals that account for every movie shown and every message of feedback."""

    shown: int
    outcomes: int
    pending: int
    feedback: int
    unattributed: int


@dataclass(frozen=True, slots=True)
class Report:
    """The state of the tables at one moment; `difference` is None where the counts agree with the events.

    `test` is None before the first list.
    """

    test: ReadOut | None
    cells: list[Cell]
    reconciliation: Reconciliation
    difference: str | None


def report(connection: Connection, settings: Settings) -> Report:
    """Reads everything; raises what psycopg raises."""
    return Report(
        test=whole_test(connection, settings),
        cells=activity.cells(connection),
        reconciliation=_reconciliation(connection),
        difference=first_difference(connection),
    )


def _reconciliation(connection: Connection) -> Reconciliation:
    row = connection.execute(
        """
        SELECT count(*), count(outcome), count(*) - count(outcome),
            (SELECT count(*) FROM feedback_events), (SELECT count(*) FROM feedback_events WHERE event_id IS NULL)
        FROM recommendation_events
        """
    ).fetchone()
    return Reconciliation(*row) if row else Reconciliation(0, 0, 0, 0, 0)
