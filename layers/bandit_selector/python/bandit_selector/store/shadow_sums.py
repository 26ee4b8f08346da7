"""Sums of shadows by day, beside our other sums and outside the invariant; they stay when the shadows are dropped."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from bandit_selector.health.readiness import ShadowArm, ShadowDays
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.locks import Lock

RECENT: Final = timedelta(minutes=5)
"""After how long the sums of the last two days are made again."""
OLDER: Final = timedelta(hours=6)
"""The same for the other days whose outcomes may still change."""
SAMPLED: Final = 5_000
"""Lists of a day, about, that its sums are made of. More would be worth no more: an arm's history is discounted."""
SAMPLE: Final = "mod(hashint8(bandit_shadows.id) & 2147483647, %(one_in)s) = 0"


def sum_next_day(connection: Connection, now: datetime, changes: timedelta) -> date | None:
    """Sums one day (UTC) of shadows that has no sums, or old ones, and returns it; None if none is due.

    Outcomes change for as long as `changes` after a day. Also None while another process does this.
    """
    with transaction(connection):
        free = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [Lock.SHADOWS]).fetchone()
        day = _next(connection, now, changes) if free and free[0] else None
        if day is not None:
            connection.execute("DELETE FROM bandit_shadow_days WHERE day = %s", [day])
            connection.execute("DELETE FROM bandit_shadow_arms WHERE day = %s", [day])
            _sum(connection, day, now)
    return day


def _next(connection: Connection, now: datetime, changes: timedelta) -> date | None:
    """The newest due day: one is due that has shadows and no sums, or whose sums are old."""
    row = connection.execute(
        """
        WITH span AS (
            SELECT (min(created_at) AT TIME ZONE 'UTC')::date AS first,
                (max(created_at) AT TIME ZONE 'UTC')::date AS last
            FROM bandit_shadows
            WHERE created_at >= (SELECT complete_from FROM bandit_retention)
        )
        SELECT each::date
        FROM span CROSS JOIN LATERAL generate_series(first, last, interval '1 day') AS each
        LEFT JOIN bandit_shadow_days AS known ON known.day = each::date
        WHERE known.day IS NULL
            OR (each::date >= %(today)s::date - 1 AND known.summed_at <= %(recent)s)
            OR (each::date >= %(changes)s AND known.summed_at <= %(older)s)
        ORDER BY known.day IS NOT NULL, each DESC LIMIT 1
        """,
        {"today": now.date(), "recent": now - RECENT, "older": now - OLDER, "changes": (now - changes).date()},
    ).fetchone()
    return row[0] if row else None


def _sum(connection: Connection, day: date, now: datetime) -> None:
    span = _span(day)
    lists, undrawn = _shown(connection, span)
    one_in = max(1, round(lists / SAMPLED))
    connection.execute(
        f"""
        INSERT INTO bandit_shadow_days
        SELECT %(day)s, %(lists)s, %(undrawn)s, %(one_in)s, count(*), coalesce(sum(places), 0), coalesce(sum(same), 0),
            coalesce(sum(common), 0), percentile_cont(0.5) WITHIN GROUP (ORDER BY milliseconds),
            percentile_cont(0.95) WITHIN GROUP (ORDER BY milliseconds), %(now)s
        FROM bandit_shadows
        WHERE created_at >= %(since)s::timestamptz AND created_at < %(until)s::timestamptz
            AND {SAMPLE}
        """.encode(),  # noqa: S608 # our own SQL
        {**span, "lists": lists, "undrawn": undrawn, "one_in": one_in, "now": now},
    )
    connection.execute(f"INSERT INTO bandit_shadow_arms {ARMS}".encode(), {**span, "one_in": one_in})


def _span(day: date) -> dict[str, object]:
    return {"day": day, "since": f"{day}T00:00Z", "until": f"{day + timedelta(days=1)}T00:00Z"}


def _shown(connection: Connection, span: Mapping[str, object]) -> tuple[int, int]:
    """How many lists were shown that should have a shadow, and how many of them have none."""
    row = connection.execute(
        """
        SELECT count(*)::integer, (count(*) - (
            SELECT count(*) FROM bandit_shadows
            WHERE created_at >= %(since)s::timestamptz AND created_at < %(until)s::timestamptz
        ))::integer
        FROM bandit_lists
        WHERE algorithm = 'hybrid_shadow'
            AND created_at >= %(since)s::timestamptz AND created_at < %(until)s::timestamptz
        """,
        span,
    ).fetchone()
    lists, undrawn = row or (0, 0)
    return lists, max(undrawn, 0)


ARMS: Final = f"""
    WITH list AS MATERIALIZED (
        SELECT bandit_shadows.*, l.silence, l.seen, l.settled_at, l.counted_places
        FROM bandit_shadows JOIN bandit_lists AS l USING (id, created_at)
        WHERE bandit_shadows.created_at >= %(since)s::timestamptz AND bandit_shadows.created_at < %(until)s::timestamptz
            AND l.created_at >= %(since)s::timestamptz AND l.created_at < %(until)s::timestamptz
            AND {SAMPLE}
    ), stocked AS (
        SELECT context_key, own.arm, sum(places) AS places, sum(own.stocked) AS stocked
        FROM list CROSS JOIN LATERAL unnest(arms, stocked) AS own (arm, stocked) GROUP BY 1, 2
    ), drawn AS (
        SELECT context_key, arms[get_byte(drawn, n - 1)] AS arm, count(*) AS drawn
        FROM list CROSS JOIN LATERAL generate_series(1, length(drawn)) AS n GROUP BY 1, 2
    ), agreed AS (
        SELECT list.context_key, list.arms[pair.arm] AS arm, count(*) AS agreed,
            count(*) FILTER (WHERE outcome.it = 'success') AS successes,
            count(*) FILTER (WHERE outcome.it = 'failure') AS failures
        FROM list CROSS JOIN LATERAL unnest(agreed_places, agreed_arms) AS pair (place, arm)
        LEFT JOIN LATERAL (
            SELECT r.outcome FROM bandit_reactions AS r
            WHERE r.event_id = list.id * 64 + pair.place AND r.shown_at = bandit_second(list.id)
                AND r.shown_at >= %(since)s::timestamptz AND r.shown_at < %(until)s::timestamptz
        ) AS said ON true
        CROSS JOIN LATERAL (
            SELECT CASE WHEN list.settled_at IS NOT NULL -- early reactions alone would flatter
                AND (list.counted_places IS NULL OR pair.place <= list.counted_places)
                THEN coalesce(said.outcome, bandit_silence(list.silence, (list.seen >> pair.place) & 1 = 1)) END AS it
        ) AS outcome
        GROUP BY 1, 2
    )
    SELECT %(day)s::date AS day, context_key, arm, places, stocked, coalesce(drawn, 0) AS drawn,
        coalesce(agreed, 0) AS agreed, coalesce(successes, 0) AS successes, coalesce(failures, 0) AS failures
    FROM stocked LEFT JOIN drawn USING (context_key, arm) LEFT JOIN agreed USING (context_key, arm)
"""  # noqa: S608 # our own SQL


def read_days(connection: Connection, since: date) -> ShadowDays:
    row = connection.execute(
        """
        SELECT min(day), max(day), coalesce(sum(lists), 0)::bigint, coalesce(sum(undrawn), 0)::bigint,
            coalesce(sum(places), 0)::bigint, coalesce(sum(same), 0)::bigint, coalesce(sum(common), 0)::bigint,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY median_ms), max(slow_ms)
        FROM bandit_shadow_days WHERE day >= %s
        """,
        [since],
    ).fetchone()
    assert row is not None  # noqa: S101 # an aggregate always answers
    return ShadowDays(*row)


def read_arms(connection: Connection, since: date) -> list[ShadowArm]:
    rows = connection.execute(
        """
        SELECT arm, sum(places)::bigint, sum(stocked)::bigint, sum(drawn)::bigint, sum(agreed)::bigint,
            sum(successes)::bigint, sum(failures)::bigint
        FROM bandit_shadow_arms WHERE day >= %s GROUP BY arm ORDER BY arm
        """,
        [since],
    )
    return [ShadowArm(*row) for row in rows]


def forget(connection: Connection) -> None:
    """Deletes the sums of all days that still have their shadows; `sum_next_day` makes them again."""
    for table in ("bandit_shadow_days", "bandit_shadow_arms"):
        connection.execute(
            f"DELETE FROM {table} WHERE day >= (SELECT complete_from AT TIME ZONE 'UTC' FROM bandit_retention)".encode()  # noqa: S608 # ours
        )


def first_difference(connection: Connection, changes: timedelta) -> str | None:
    """The first day whose sums do not follow from its shadows and reactions, as a sentence.

    Of days whose outcomes could not change any more, `changes` after them, when they were summed.
    """
    rows = connection.execute(
        "SELECT day, one_in FROM bandit_shadow_days WHERE summed_at >= day + %s"
        " AND day >= (SELECT complete_from AT TIME ZONE 'UTC' FROM bandit_retention) ORDER BY day",
        [changes + timedelta(days=1)],
    ).fetchall()
    for day, one_in in rows:
        found = connection.execute(
            f"""
            WITH made AS ({ARMS}),
            stored AS (SELECT * FROM bandit_shadow_arms WHERE day = %(day)s)
            SELECT coalesce(made.context_key, stored.context_key), coalesce(made.arm, stored.arm)
            FROM made FULL JOIN stored USING (context_key, arm)
            WHERE (made.agreed, made.successes, made.failures)
                IS DISTINCT FROM (stored.agreed, stored.successes, stored.failures)
            ORDER BY 1, 2 LIMIT 1
            """.encode(),  # noqa: S608 # our own SQL
            {**_span(day), "one_in": one_in},
        ).fetchone()
        if found:
            return f"The sums of the shadows of {day} in {found[0]}, arm {found[1]}, do not follow from the shadows."
    return None
