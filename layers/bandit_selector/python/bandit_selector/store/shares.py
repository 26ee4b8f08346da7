"""Treatment's share of visitors: what is in force, what was, and what a look at the brake reads. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bandit_selector.evidence.brake import Fallbacks
from bandit_selector.evidence.requests import NONE, Requests
from bandit_selector.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Share:
    """A share of visitors, since when and why; `counts_from` is the first UTC day whose lists all have it."""

    plan: str
    share: float
    braked: bool
    why: str
    at: datetime
    counts_from: date


def history(connection: Connection, most: int = 100) -> list[Share]:
    """The newest shares, newest first; the first is in force if its plan is that of the settings."""
    rows = connection.execute(
        "SELECT plan, share, braked, why, at, counts_from FROM bandit_shares ORDER BY id DESC LIMIT %s", [most]
    )
    return [Share(*row) for row in rows]


def add(connection: Connection, share: Share) -> None:
    connection.execute(
        "INSERT INTO bandit_shares (plan, share, braked, why, at, counts_from) VALUES (%s, %s, %s, %s, %s, %s)",
        [share.plan, share.share, share.braked, share.why, share.at, share.counts_from],
    )


def take_look(connection: Connection, now: datetime, every: timedelta) -> bool:
    """Whether a look is due; if so it is taken, and nobody else takes it."""
    looked = connection.execute(
        "UPDATE bandit_looks SET looked_at = %(now)s WHERE looked_at <= %(now)s - %(every)s RETURNING 1",
        {"now": now, "every": every},
    )
    return looked.fetchone() is not None


def clusters_since(connection: Connection, day: date) -> Sequence[tuple[str, int, int, int]]:
    """(group, cluster of visitors, clicks, movies shown) of all UTC days since `day`."""
    return connection.execute(
        """
        SELECT ab_group, cluster, sum(clicked)::bigint, sum(shown)::bigint FROM experiment_activity
        WHERE day >= %s AND ab_group IN ('treatment', 'control')
        GROUP BY ab_group, cluster HAVING sum(shown) > 0
        """,
        [day],
    ).fetchall()


def fallbacks_since(connection: Connection, moment: datetime) -> Fallbacks:
    """Of the lists shown to treatment since a moment, how many were fallbacks."""
    row = connection.execute(
        """
        SELECT count(*) FILTER (WHERE algorithm = 'hybrid_fallback'), count(*) FROM bandit_lists
        WHERE created_at >= %s AND ab_group = 'treatment'
        """,
        [moment],
    ).fetchone()
    return Fallbacks(*row) if row else Fallbacks(0, 0)


def requests_since(connection: Connection, moment: datetime) -> tuple[Requests, Requests]:
    """What processes have written of treatment's and of control's requests since a moment."""
    rows = connection.execute(
        """
        SELECT ab_group, sum(number)::bigint, sum(failed)::bigint, sum(slow)::bigint, bit_or(failed_of), bit_or(slow_of)
        FROM bandit_requests WHERE at > %s GROUP BY ab_group
        """,
        [moment],
    )
    found = {group: Requests(*sums) for group, *sums in rows}
    return found.get("treatment", NONE), found.get("control", NONE)


def forget_requests(connection: Connection, before: datetime) -> None:
    """Deletes what was written before a moment: no look needs it."""
    connection.execute("DELETE FROM bandit_requests WHERE at < %s", [before])
