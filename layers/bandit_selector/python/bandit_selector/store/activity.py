"""What was shown and what became of it, summed over a window of whole hours. Reads sums; decides nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from bandit_selector.evidence.tally import Tally, Window
from bandit_selector.store.connection import Connection

Resolution: TypeAlias = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One hour or day of one algorithm."""

    at: datetime
    algorithm: str
    tally: Tally


def whole(connection: Connection) -> Window | None:
    """From the first hour in which anything was shown to the end of the last; None before that."""
    row = connection.execute("SELECT min(hour), max(hour) + interval '1 hour' FROM recommendation_activity").fetchone()
    return Window(row[0], row[1]) if row and row[0] else None


def by_algorithm(connection: Connection, window: Window) -> dict[str, Tally]:
    """The tally of each algorithm in a window."""
    rows = connection.execute(
        """
        SELECT algorithm, sum(shown), sum(clicked), sum(rated), sum(rating_sum),
            sum(thumbs_up), sum(thumbs_down), sum(favorites), sum(watchlist),
            sum(successes), sum(failures)
        FROM recommendation_activity WHERE hour >= %s AND hour < %s
        GROUP BY algorithm HAVING sum(shown) > 0 ORDER BY algorithm
        """,
        [window.since, window.until],
    )
    return {algorithm: Tally(*sums) for algorithm, *sums in rows}


def by_context(connection: Connection, window: Window) -> dict[str, Tally]:
    """What was shown and clicked in each context, in a window."""
    rows = connection.execute(
        """
        SELECT context_key, sum(shown), sum(clicked)
        FROM recommendation_activity WHERE hour >= %s AND hour < %s
        GROUP BY context_key HAVING sum(shown) > 0 ORDER BY context_key
        """,
        [window.since, window.until],
    )
    return {context_key: Tally(shown, clicked) for context_key, shown, clicked in rows}


def by_context_and_algorithm(connection: Connection, window: Window) -> dict[str, dict[str, Tally]]:
    """The tally of each algorithm in each context, in a window: {context: {algorithm: tally}}."""
    rows = connection.execute(
        """
        SELECT context_key, algorithm, sum(shown), sum(clicked), sum(rated), sum(rating_sum),
            sum(thumbs_up), sum(thumbs_down), sum(favorites), sum(watchlist),
            sum(successes), sum(failures)
        FROM recommendation_activity WHERE hour >= %s AND hour < %s
        GROUP BY context_key, algorithm HAVING sum(shown) > 0 ORDER BY context_key, algorithm
        """,
        [window.since, window.until],
    )
    tallies: dict[str, dict[str, Tally]] = {}
    for context_key, algorithm, *sums in rows:
        tallies.setdefault(context_key, {})[algorithm] = Tally(*sums)
    return tallies


def over_time(
    connection: Connection, window: Window, resolution: Resolution, time_zone: str, context_key: str | None = None
) -> list[Moment]:
    """What was shown, clicked and judged of each algorithm in each hour or day of a time zone, oldest first.

    Of all contexts, or of one.
    """
    rows = connection.execute(
        """
        WITH hours AS MATERIALIZED (
            SELECT each AS hour, date_trunc(%(resolution)s, each, %(zone)s) AS at
            FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz, '1 hour') AS each
        ), activity AS MATERIALIZED ( -- once, not for each hour; all contexts of an hour before it is looked up
            SELECT hour, algorithm, sum(shown) AS shown, sum(clicked) AS clicked, sum(successes) AS successes,
                sum(failures) AS failures
            FROM recommendation_activity
            WHERE hour >= %(since)s AND hour < %(until)s
                AND (%(context_key)s::text IS NULL OR context_key = %(context_key)s)
            GROUP BY hour, algorithm
        )
        SELECT at, algorithm, sum(shown)::bigint, sum(clicked)::bigint, sum(successes)::bigint, sum(failures)::bigint
        FROM activity JOIN hours USING (hour)
        GROUP BY at, algorithm HAVING sum(shown) > 0
        ORDER BY at, algorithm
        """,
        {
            "resolution": resolution,
            "zone": time_zone,
            "since": window.since,
            "until": window.until,
            "context_key": context_key,
        },
    )
    return [
        Moment(at, algorithm, Tally(shown, clicked, successes=successes, failures=failures))
        for at, algorithm, shown, clicked, successes, failures in rows
    ]


def clusters(connection: Connection, window: Window) -> list[tuple[str, Tally]]:
    """(group, tally) of each cluster of visitors, over the whole UTC days that a window touches."""
    rows = connection.execute(
        """
        SELECT ab_group, sum(shown), sum(clicked), sum(rated), sum(rating_sum),
            sum(thumbs_up), sum(thumbs_down)
        FROM experiment_activity
        WHERE day BETWEEN (%s::timestamptz AT TIME ZONE 'UTC')::date AND (%s::timestamptz AT TIME ZONE 'UTC')::date
        GROUP BY ab_group, cluster HAVING sum(shown) > 0
        """,
        [window.since, window.until],
    )
    return [(ab_group, Tally(*sums)) for ab_group, *sums in rows]


def clusters_by_day(connection: Connection, window: Window, step: int = 1) -> list[tuple[str, str, int, int, int]]:
    """(last day, group, cluster, clicked, shown) of each `step` UTC days of a window, in order."""
    rows = connection.execute(
        """
        WITH span AS (
            SELECT (%(since)s::timestamptz AT TIME ZONE 'UTC')::date AS first,
                (%(until)s::timestamptz AT TIME ZONE 'UTC')::date AS last
        )
        SELECT least(first + (day - first) / %(step)s * %(step)s + %(step)s - 1, last) AS until, ab_group, cluster,
            sum(clicked), sum(shown)
        FROM experiment_activity CROSS JOIN span
        WHERE day BETWEEN first AND last
        GROUP BY until, ab_group, cluster HAVING sum(shown) > 0 ORDER BY until
        """,
        {"since": window.since, "until": window.until, "step": step},
    )
    return [(str(day), group, cluster, clicked, shown) for day, group, cluster, clicked, shown in rows]


def visitors(connection: Connection, window: Window) -> dict[str, int]:
    """How many different visitors each group has had since the beginning of the window's first UTC day, up to now."""
    rows = connection.execute(
        """
        SELECT ab_group, sum(visitors)::int FROM (
            SELECT ab_group, visitors FROM experiment_days
            WHERE day >= (%(since)s::timestamptz AT TIME ZONE 'UTC')::date
            UNION ALL
            SELECT live.ab_group, count(*)
            FROM (
                SELECT DISTINCT user_id, ab_group FROM bandit_unsettled_tallies
                WHERE counts AND day >= (%(since)s::timestamptz AT TIME ZONE 'UTC')::date
            ) AS live
            LEFT JOIN LATERAL (
                SELECT last_day FROM experiment_visitors AS v
                WHERE (v.user_id, v.ab_group) = (live.user_id, live.ab_group) LIMIT 1
            ) AS seen ON true
            WHERE seen.last_day IS NULL OR seen.last_day < (%(since)s::timestamptz AT TIME ZONE 'UTC')::date
            GROUP BY live.ab_group
        ) AS counted GROUP BY ab_group
        """,
        {"since": window.since},
    )
    return dict(rows.fetchall())


@dataclass(frozen=True, slots=True)
class Cell:
    """One context and arm: what was counted, and what serving uses of it (None while nothing is published)."""

    context_key: str
    arm: str
    alpha: float
    beta: float
    pulls: int
    successes: int
    failures: int
    posterior_alpha: float | None
    posterior_beta: float | None
    probability: float | None


def cells(connection: Connection, context_key: str | None = None) -> list[Cell]:
    """Every cell of bandit_states, or those of one context, with its published posterior."""
    rows = connection.execute(
        """
        SELECT s.context_key, s.algorithm, s.alpha, s.beta, coalesce(s.total_pulls, 0),
            coalesce(s.total_successes, 0), coalesce(s.total_failures, 0), p.alpha, p.beta, p.probability
        FROM bandit_states AS s LEFT JOIN bandit_posteriors AS p USING (context_key, algorithm)
        WHERE %(key)s::text IS NULL OR s.context_key = %(key)s
        ORDER BY s.context_key, s.algorithm
        """,
        {"key": context_key},
    )
    return [Cell(*row) for row in rows]
