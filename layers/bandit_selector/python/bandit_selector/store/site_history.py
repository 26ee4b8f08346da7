"""Sums of the site's own rows by hour, and by arm, a day at a time, beside our sums and outside the invariant.

Reads the site's table.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.lists.names import FAILED
from bandit_selector.store import site
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.locks import Lock

RECENT: Final = timedelta(minutes=10)
"""After how long the sums of the last two days are made again."""
OLDER: Final = timedelta(hours=6)
"""The same for the other days whose rows may still change."""
CHANGES: Final = timedelta(days=8)
"""How long rows of a day may change. Older days are summed once, and keep their sums if the site deletes rows."""
LONGEST: Final = 3650
"""Days; rows that say they are older are not summed."""
TOLD: Final = 90
"""Of so many of the table's last days it is summed what they tell of each arm."""


def sum_next_day(connection: Connection, now: datetime, rule: Rule) -> date | None:
    """Sums one day (UTC) of the site's rows that has no sums, the newest first, or old ones; returns it.

    What feedback means for an arm is by the `rule`. None if no day is due, where no table was set aside, and while
    another process does this.
    """
    if site.kind_of(connection, "bandit_site_rows") is None:
        return None
    with transaction(connection):
        free = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [Lock.SITE_HISTORY]).fetchone()
        due = _next(connection, now) if free and free[0] else None
        if due and due.hours:
            _sum(connection, due.day, now)
        if due and due.arms:
            _sum_arms(connection, due.day, rule)
    return due.day if due else None


@dataclass(frozen=True, slots=True)
class Due:
    """A day to be summed: by hour, by arm, or both."""

    day: date
    hours: bool
    arms: bool


def _next(connection: Connection, now: datetime) -> Due | None:
    row = connection.execute(
        """
        WITH span AS (
            SELECT ((SELECT at FROM bandit_site_rows ORDER BY created_at LIMIT 1) AT TIME ZONE 'UTC')::date AS first,
                ((SELECT at FROM bandit_site_rows ORDER BY created_at DESC LIMIT 1) AT TIME ZONE 'UTC')::date AS last
        )
        SELECT each::date, due.hours, each::date > last - %(told)s AND (due.hours OR NOT known.arms_summed)
        FROM span CROSS JOIN LATERAL generate_series(
            greatest(first, %(today)s::date - %(longest)s), least(last, %(today)s::date), interval '1 day'
        ) AS each
        LEFT JOIN bandit_site_days AS known ON known.day = each::date
        CROSS JOIN LATERAL (
            SELECT known.day IS NULL
                OR (each::date >= %(today)s::date - 1 AND known.summed_at <= %(recent)s)
                OR (each::date >= %(changes)s AND known.summed_at <= %(older)s) AS hours
        ) AS due
        WHERE due.hours OR (NOT known.arms_summed AND each::date > last - %(told)s)
        ORDER BY known.day IS NOT NULL, each DESC LIMIT 1
        """,
        {
            "today": now.date(),
            "longest": LONGEST,
            "told": TOLD,
            "recent": now - RECENT,
            "older": now - OLDER,
            "changes": (now - CHANGES).date(),
        },
    ).fetchone()
    return Due(*row) if row else None


def _sum(connection: Connection, day: date, now: datetime) -> None:
    """A rating that is not one (beyond 0.5 to 5, or not a number) is not counted. The context is not read."""
    span = {**_span(day), "now": now}
    connection.execute(
        "DELETE FROM bandit_site_hours WHERE hour >= %(since)s::timestamptz AND hour < %(until)s::timestamptz", span
    )
    connection.execute(
        """
        INSERT INTO bandit_site_hours
        SELECT bandit_hour(at), algorithm, count(*), count(*) FILTER (WHERE clicked),
            count(*) FILTER (WHERE rating BETWEEN 0.5 AND 5),
            coalesce(sum(rating) FILTER (WHERE rating BETWEEN 0.5 AND 5), 0),
            count(*) FILTER (WHERE thumbs_up), count(*) FILTER (WHERE thumbs_down), count(*) FILTER (WHERE favorite),
            count(*) FILTER (WHERE watchlist)
        FROM bandit_site_rows
        WHERE created_at >= bandit_site_clock(%(since)s) AND created_at < bandit_site_clock(%(until)s)
        GROUP BY 1, 2
        """,
        span,
    )
    connection.execute(
        "INSERT INTO bandit_site_days (day, summed_at) VALUES (%(day)s, %(now)s)"
        " ON CONFLICT (day) DO UPDATE SET summed_at = excluded.summed_at",
        span,
    )


def _sum_arms(connection: Connection, day: date, rule: Rule) -> None:
    """What the day's rows say of each arm, which are known by their names with or without `bandit_` before them."""
    connection.execute("DELETE FROM bandit_site_arms WHERE day = %s", [day])
    connection.execute(
        """
        INSERT INTO bandit_site_arms
        SELECT %(day)s::date, key, arm, count(*) FILTER (WHERE outcome = 'success'),
            count(*) FILTER (WHERE outcome = 'failure'), count(*) FILTER (WHERE outcome IS NULL)
        FROM bandit_site_rows
        CROSS JOIN LATERAL (
            SELECT CASE WHEN context_key = ANY(%(keys)s) THEN context_key ELSE '' END AS key,
                left(regexp_replace(algorithm, '^bandit_', ''), 50) AS arm,
                bandit_outcome(
                    clicked, CASE WHEN rating BETWEEN 0.5 AND 5 THEN rating END, thumbs_up, thumbs_down, %(success)s,
                    %(failure)s
                ) AS outcome
        ) AS told
        WHERE created_at >= bandit_site_clock(%(since)s) AND created_at < bandit_site_clock(%(until)s)
            AND algorithm <> %(failed)s
        GROUP BY key, arm
        """,
        {
            **_span(day),
            "keys": list(CONTEXT_KEYS),
            "success": rule.success,
            "failure": rule.failure,
            "failed": FAILED,
        },
    )
    connection.execute("UPDATE bandit_site_days SET arms_summed = true WHERE day = %s", [day])


def _span(day: date) -> dict[str, object]:
    return {"day": day, "since": f"{day}T00:00Z", "until": f"{day + timedelta(days=1)}T00:00Z"}
