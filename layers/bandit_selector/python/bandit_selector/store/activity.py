"""What was shown and what became of it, summed over a window of whole hours. Reads sums; decides nothing."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from bandit_selector.evidence.experiment import Part
from bandit_selector.evidence.tally import Tally, Window
from bandit_selector.store.connection import Connection

Resolution: TypeAlias = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One hour or day of one algorithm."""

    at: datetime
    algorithm: str
    tally: Tally


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


def over_time(
    connection: Connection, window: Window, resolution: Resolution, time_zone: str, context_key: str | None = None
) -> list[Moment]:
    """What was shown, clicked and judged of each algorithm in each hour or day of a time zone, oldest first.

    Of all contexts, or of one. Hours are those of UTC, which begin at half past where clocks are half an hour apart.
    """
    rows = connection.execute(
        """
        WITH activity AS MATERIALIZED (
            SELECT hour, algorithm, sum(shown) AS shown, sum(clicked) AS clicked, sum(successes) AS successes,
                sum(failures) AS failures
            FROM recommendation_activity
            WHERE hour >= %(since)s AND hour < %(until)s
                AND (%(context_key)s::text IS NULL OR context_key = %(context_key)s)
            GROUP BY hour, algorithm
        ), hours AS MATERIALIZED ( -- an hour is one of UTC, a day one of the zone: both are whole rows
            SELECT hour, date_trunc(%(resolution)s, hour, %(zone)s) AS at
            FROM (SELECT DISTINCT hour FROM activity) AS each
        )
        SELECT at, algorithm, sum(shown)::bigint, sum(clicked)::bigint, sum(successes)::bigint, sum(failures)::bigint
        FROM activity JOIN hours USING (hour)
        GROUP BY at, algorithm HAVING sum(shown) > 0
        ORDER BY at, algorithm
        """,
        {
            "resolution": resolution,
            "zone": "UTC" if resolution == "hour" else time_zone,
            "since": window.since,
            "until": window.until,
            "context_key": context_key,
        },
    )
    return [
        Moment(at, algorithm, Tally(shown, clicked, successes=successes, failures=failures))
        for at, algorithm, shown, clicked, successes, failures in rows
    ]


def clusters(connection: Connection, window: Window) -> list[Tally]:
    """The tally of each cluster of visitors, over the whole UTC days that a window touches."""
    rows = connection.execute(
        """
        SELECT sum(shown), sum(clicked), sum(rated), sum(rating_sum), sum(thumbs_up), sum(thumbs_down)
        FROM experiment_activity
        WHERE day BETWEEN (%s::timestamptz AT TIME ZONE 'UTC')::date AND (%s::timestamptz AT TIME ZONE 'UTC')::date
        GROUP BY cluster HAVING sum(shown) > 0
        """,
        [window.since, window.until],
    )
    return [Tally(*sums) for sums in rows]


def clusters_by_day(connection: Connection, window: Window) -> list[tuple[date, Part]]:
    """(UTC day, clicks and movies of a cluster of visitors) in each group, over the days that a window touches."""
    rows = connection.execute(
        """
        SELECT day, ab_group, cluster, sum(shown), sum(clicked)
        FROM experiment_activity
        WHERE day BETWEEN (%s::timestamptz AT TIME ZONE 'UTC')::date AND (%s::timestamptz AT TIME ZONE 'UTC')::date
            AND ab_group <> 'other'
        GROUP BY day, ab_group, cluster HAVING sum(shown) > 0 ORDER BY day
        """,
        [window.since, window.until],
    )
    return [(day, Part(0, group, cluster, Tally(shown, clicked))) for day, group, cluster, shown, clicked in rows]


@dataclass(frozen=True, slots=True)
class Cell:
    """One context and arm: what was counted, and what serving uses of it.

    That is None while nothing is published, and of an arm that is drawn no more.
    """

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
        FROM bandit_states AS s LEFT JOIN bandit_posteriors AS p
            ON (p.context_key, p.algorithm) = (s.context_key, s.algorithm) AND p.probability > 0
        WHERE %(key)s::text IS NULL OR s.context_key = %(key)s
        ORDER BY s.context_key, s.algorithm
        """,
        {"key": context_key},
    )
    return [Cell(*row) for row in rows]
