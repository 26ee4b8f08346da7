"""The running test: its phases, its clusters of visitors, who came when, and its plan. Reads sums; decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bandit_selector.evidence.experiment import Part
from bandit_selector.evidence.planning import Weeks
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally
from bandit_selector.store.connection import Connection
from bandit_selector.store.showing import Key


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a test with one planned share of treatment; `share` is None for lists from before phases."""

    phase: int
    share: float | None
    began_at: datetime | None


@dataclass(frozen=True, slots=True)
class Span:
    """The phases of a test and the UTC days of it, both ends included."""

    phases: Sequence[int]
    since: date
    until: date

    @property
    def parameters(self) -> dict[str, Any]:
        return {"phases": list(self.phases), "since": self.since, "until": self.until}


def phases(connection: Connection, key: Key) -> list[Phase]:
    """The test's phases, oldest first; while none is recorded, the lists from before phases."""
    rows = connection.execute(
        "SELECT phase, share, began_at FROM bandit_phases"
        " WHERE salt = %(salt)s AND started = %(started)s::timestamptz ORDER BY phase",
        key.parameters,
    ).fetchall()
    return [Phase(*row) for row in rows] or [Phase(0, None, None)]


def days(connection: Connection, of: Sequence[int]) -> tuple[date, date] | None:
    """The first and the last UTC day on which a list of these phases was shown."""
    row = connection.execute(
        "SELECT min(day), max(day) FROM experiment_activity WHERE phase = ANY(%s) AND ab_group <> 'other'", [list(of)]
    ).fetchone()
    return row if row and row[0] else None


def parts(connection: Connection, span: Span, *, bounded: bool) -> list[Part]:
    """Every cluster of visitors of each phase and group; `bounded` with what exceeds the bound of single visitors."""
    rows = connection.execute(
        """
        SELECT a.phase, a.ab_group, a.cluster, a.sums, coalesce(x.clicked, 0)::float / 1000,
            coalesce(x.shown, 0)::float / 1000
        FROM (
            SELECT phase, ab_group, cluster, ARRAY[sum(shown), sum(clicked), sum(rated), sum(rating_sum),
                sum(thumbs_up), sum(thumbs_down)] AS sums
            FROM experiment_activity
            WHERE phase = ANY(%(phases)s) AND day BETWEEN %(since)s AND %(until)s AND ab_group <> 'other'
            GROUP BY phase, ab_group, cluster HAVING sum(shown) > 0
        ) AS a
        LEFT JOIN experiment_excess AS x
            ON %(bounded)s AND (x.phase, x.ab_group, x.cluster) = (a.phase, a.ab_group, a.cluster)
        """,
        span.parameters | {"bounded": bounded},
    )
    return [Part(phase, group, cluster, _tally(sums), *over) for phase, group, cluster, sums, *over in rows]


def parts_by_day(connection: Connection, span: Span, step: int = 1) -> list[tuple[date, Part]]:
    """(last day, part) of each `step` days of a test, in order."""
    rows = connection.execute(
        """
        SELECT least(
            %(since)s::date + (day - %(since)s::date) / %(step)s * %(step)s + %(step)s - 1, %(until)s::date
        ) AS until, phase, ab_group, cluster, sum(clicked), sum(shown)
        FROM experiment_activity
        WHERE phase = ANY(%(phases)s) AND day BETWEEN %(since)s AND %(until)s AND ab_group <> 'other'
        GROUP BY until, phase, ab_group, cluster HAVING sum(shown) > 0 ORDER BY until
        """,
        span.parameters | {"step": step},
    )
    return [
        (day, Part(phase, group, cluster, Tally(int(shown), int(clicked))))
        for day, phase, group, cluster, clicked, shown in rows
    ]


def parts_by_context(connection: Connection, span: Span) -> dict[str, list[Part]]:
    """Sixteen clusters of visitors of each phase and group, in each context."""
    rows = connection.execute(
        """
        SELECT context_key, phase, ab_group, cluster, ARRAY[sum(shown), sum(clicked), sum(rated), sum(rating_sum),
            sum(thumbs_up), sum(thumbs_down)]
        FROM experiment_context_activity
        WHERE phase = ANY(%(phases)s) AND day BETWEEN %(since)s AND %(until)s
        GROUP BY context_key, phase, ab_group, cluster HAVING sum(shown) > 0 ORDER BY context_key
        """,
        span.parameters,
    )
    found: dict[str, list[Part]] = {}
    for context_key, phase, group, cluster, sums in rows:
        found.setdefault(context_key, []).append(Part(phase, group, cluster, _tally(sums)))
    return found


def arrivals(connection: Connection, span: Span, shares: dict[int, float]) -> list[Arrivals]:
    """How many visitors came first to each group, by the share that was planned at that time."""
    rows = connection.execute(
        """
        SELECT phase, coalesce(sum(visitors) FILTER (WHERE ab_group = 'treatment'), 0)::integer,
            coalesce(sum(visitors) FILTER (WHERE ab_group = 'control'), 0)::integer
        FROM experiment_activity
        WHERE phase = ANY(%(phases)s) AND day BETWEEN %(since)s AND %(until)s
        GROUP BY phase ORDER BY phase
        """,
        span.parameters,
    )
    return [Arrivals(shares[phase], treated, untreated) for phase, treated, untreated in rows]


def last_weeks(connection: Connection, span: Span, before: date) -> Weeks:
    """The two weeks of the test's days before a day."""
    row = connection.execute(
        """
        SELECT coalesce(sum(visitors) FILTER (WHERE NOT late), 0)::integer,
            coalesce(sum(visitors) FILTER (WHERE late), 0)::integer,
            coalesce(sum(shown) FILTER (WHERE NOT late), 0)::bigint, coalesce(sum(shown) FILTER (WHERE late), 0)::bigint
        FROM (
            SELECT visitors, shown, day >= %(before)s::date - 7 AS late FROM experiment_activity
            WHERE phase = ANY(%(phases)s) AND day >= greatest(%(since)s, %(before)s::date - 14)
                AND day < %(before)s::date AND ab_group <> 'other'
        ) AS each
        """,
        span.parameters | {"before": before},
    ).fetchone()
    first, second, earlier, later = row or (0, 0, 0, 0)
    return Weeks((first, second), (earlier, later))


def fallbacks(connection: Connection, span: Span) -> int:
    """How many movies of the test's days were shown in control lists in place of a failed bandit."""
    row = connection.execute(
        """
        SELECT coalesce(sum(shown), 0)::integer FROM recommendation_activity
        WHERE algorithm = 'hybrid_fallback' AND hour >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
            AND hour < (%(until)s::date + 1)::timestamp AT TIME ZONE 'UTC'
        """,
        span.parameters,
    ).fetchone()
    return row[0] if row else 0


def planned_users(connection: Connection, key: Key, lift: float) -> int | None:
    """The number of visitors per group that was fixed as the plan."""
    row = connection.execute(
        "SELECT users FROM bandit_plans WHERE salt = %(salt)s AND started = %(started)s::timestamptz"
        " AND planned_lift = %(lift)s",
        key.parameters | {"lift": lift},
    ).fetchone()
    return row[0] if row else None


def fix_plan(connection: Connection, key: Key, lift: float, users: int, now: datetime) -> None:
    """Fixes the plan; one that was fixed before stays."""
    connection.execute(
        "INSERT INTO bandit_plans VALUES (%(salt)s, %(started)s::timestamptz, %(lift)s, %(users)s, %(now)s)"
        " ON CONFLICT DO NOTHING",
        key.parameters | {"lift": lift, "users": users, "now": now},
    )


def _tally(sums: Sequence[float]) -> Tally:
    shown, clicked, rated, rating_sum, up, down = sums
    return Tally(int(shown), int(clicked), int(rated), rating_sum, int(up), int(down))
