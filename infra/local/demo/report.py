"""A demo's figures, read from the tables alone. Must not know visitors or print."""

from collections.abc import Iterable
from dataclasses import dataclass

from bandit_selector.evidence.ratio import Lift, clustered, compare
from bandit_selector.store.connection import Connection
from bandit_selector.store.verification import first_difference


@dataclass(frozen=True, slots=True)
class Group:
    """One group of the A/B test: users, movies shown to them, and clicks."""

    users: int
    shown: int
    clicked: int

    @property
    def ctr(self) -> float:
        return self.clicked / self.shown if self.shown else 0.0


@dataclass(frozen=True, slots=True)
class Cell:
    """What was learned about one arm in one context; `probability` is the published share of places."""

    context_key: str
    algorithm: str
    successes: int
    failures: int
    probability: float | None


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
    """The state of the tables at one moment; `difference` is None where the counts agree with the events."""

    treatment: Group
    control: Group
    lift: Lift | None
    cells: list[Cell]
    reconciliation: Reconciliation
    difference: str | None


def report(connection: Connection) -> Report:
    """Reads everything; raises what psycopg raises."""
    treatment, control = _per_user(connection, "bandit\\_%"), _per_user(connection, "hybrid\\_control")
    return Report(
        treatment=_group(treatment),
        control=_group(control),
        lift=compare(clustered(treatment), clustered(control)),
        cells=_cells(connection),
        reconciliation=_reconciliation(connection),
        difference=first_difference(connection),
    )


def _group(users: Iterable[tuple[int, int]]) -> Group:
    clicked, shown = zip(*users, strict=True) if users else ((), ())
    return Group(len(shown), sum(shown), sum(clicked))


def _per_user(connection: Connection, algorithms: str) -> list[tuple[int, int]]:
    """(clicked, shown) of each user who was shown anything by these algorithms."""
    rows = connection.execute(
        """
        SELECT count(*) FILTER (WHERE clicked), count(*) FROM recommendation_events
        WHERE algorithm LIKE %s AND algorithm NOT LIKE '%%fallback' GROUP BY user_id
        """,
        [algorithms],
    )
    return [(clicked, shown) for clicked, shown in rows]


def _cells(connection: Connection) -> list[Cell]:
    rows = connection.execute(
        """
        SELECT context_key, algorithm, s.total_successes, s.total_failures, p.probability
        FROM bandit_states AS s LEFT JOIN bandit_posteriors AS p USING (context_key, algorithm)
        ORDER BY context_key, algorithm
        """
    )
    return [Cell(*row) for row in rows]


def _reconciliation(connection: Connection) -> Reconciliation:
    row = connection.execute(
        """
        SELECT count(*), count(outcome), count(*) - count(outcome),
            (SELECT count(*) FROM feedback_events), (SELECT count(*) FROM feedback_events WHERE event_id IS NULL)
        FROM recommendation_events
        """
    ).fetchone()
    return Reconciliation(*row) if row else Reconciliation(0, 0, 0, 0, 0)
