"""What the site's application said about our impressions: from the view's inbox into the log, and folded. Exactly once.

A row is taken, logged, counted and removed in one transaction. The application waits for that only where it speaks
about the same impression again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import psycopg

from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.feedback_rule import Rule, ids, span
from bandit_selector.store.folding import fold
from bandit_selector.store.outcomes import take_turn

WRONG_ROWS: Final = (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError)
"""What a row can cause by what it says: it would fail at every try. Missing rights or tables are not among them."""


def absorb(connection: Connection, rule: Rule, now: datetime, limit: int, after: int = 0) -> int:
    """Counts what was said about up to `limit` impressions; returns how many. Rows that another process takes are left.

    Only of impressions from the id `after` on. Raises one of WRONG_ROWS, with nothing counted, if a row cannot be.
    What is beyond the window is logged as unattributed, and stays in the inbox, so that the view goes on showing it.
    """
    with transaction(connection):
        take_turn(connection, alone=False)  # first: whoever is alone may delete these rows
        due = _due(connection, limit, after)
        if due:
            counted = _log(connection, due, rule.window)
            if counted:
                fold(connection, counted, rule, now)
            _clear(connection, due, counted)
    return len(due)


def waiting(connection: Connection, limit: int) -> list[int]:
    """Up to `limit` impressions about which something was said that is not counted yet."""
    rows = connection.execute("SELECT event_id FROM bandit_inbox WHERE pending ORDER BY event_id LIMIT %s", [limit])
    return [event_id for (event_id,) in rows]


def set_aside(connection: Connection, event_id: int, reason: str) -> None:
    """Leaves out what was said about an impression until more is said about it. The view goes on showing it."""
    connection.execute("UPDATE bandit_inbox SET pending = false, refused = %s WHERE event_id = %s", [reason, event_id])


def number_set_aside(connection: Connection) -> int:
    """Of how many impressions what was said could not be counted."""
    row = connection.execute("SELECT count(*) FROM bandit_inbox WHERE refused IS NOT NULL AND NOT pending").fetchone()
    return int(row[0]) if row else 0


def _due(connection: Connection, limit: int, after: int) -> list[int]:
    rows = connection.execute(
        "SELECT event_id FROM bandit_inbox WHERE pending AND event_id >= %s ORDER BY event_id LIMIT %s"
        " FOR UPDATE SKIP LOCKED",
        [after, limit],
    )
    return [event_id for (event_id,) in rows]


def _log(connection: Connection, due: Sequence[int], window: timedelta) -> list[int]:
    """Writes one message for each part that was said; returns the impressions for which they count.

    Each is newer than what the log has of its part: what the application wrote last is what the view goes on showing.
    """
    rows = connection.execute(
        """
        WITH due AS MATERIALIZED (
            SELECT i.*, l.user_id, known.*
            FROM bandit_inbox AS i
            JOIN bandit_lists AS l
                ON l.id = i.event_id >> 6 AND l.created_at >= %(since)s AND l.created_at < %(until)s
            CROSS JOIN LATERAL (
                SELECT min(occurred_at) FILTER (WHERE action = 'click') AS first_click,
                    max(occurred_at) FILTER (WHERE action IN ('click', 'click_off')) AS click,
                    max(occurred_at) FILTER (WHERE action = 'click_off') AS unclick,
                    max(occurred_at) FILTER (WHERE action IN ('rating', 'rating_off')) AS rating,
                    max(occurred_at) FILTER (WHERE action LIKE 'thumbs%%') AS thumbs,
                    max(occurred_at) FILTER (WHERE action IN ('watchlist', 'watch_off')) AS watch,
                    max(occurred_at) FILTER (WHERE action IN ('favorite', 'favor_off')) AS favor
                FROM feedback_events AS f
                WHERE f.event_id = i.event_id
                    AND (f.message_time = '-infinity' OR f.message_time >= %(logged_since)s)
            ) AS known
            WHERE i.event_id = ANY(%(events)s::bigint[])
        ), said AS (
            SELECT d.event_id, d.user_id, d.said_at, part.action, part.rating, part.at
            FROM due AS d
            CROSS JOIN LATERAL (SELECT greatest(d.clicked_at, d.unclick + interval '2 microseconds') AS click_at) AS it
            CROSS JOIN LATERAL (VALUES
                ('click_off', NULL::real, CASE
                    WHEN NOT d.clicked THEN greatest(d.said_at, d.click + interval '1 microsecond')
                    WHEN d.clicked AND d.first_click < it.click_at THEN it.click_at - interval '1 microsecond' END),
                ('click', NULL, CASE WHEN d.clicked THEN it.click_at END),
                ('rating', CASE WHEN d.rating_value BETWEEN 0.5 AND 5 THEN d.rating_value::real END, CASE
                    WHEN d.rated AND d.rating_value BETWEEN 0.5 AND 5
                    THEN greatest(d.rated_at, d.rating + interval '1 microsecond') END),
                ('rating_off', NULL, CASE
                    WHEN NOT d.rated THEN greatest(d.said_at, d.rating + interval '1 microsecond') END),
                (CASE d.thumb WHEN 'up' THEN 'thumbs_up' WHEN 'down' THEN 'thumbs_down' ELSE 'thumbs_off' END, NULL,
                    CASE WHEN d.thumb IS NOT NULL THEN greatest(d.thumbed_at, d.thumbs + interval '1 microsecond') END),
                (CASE WHEN d.watchlist THEN 'watchlist' ELSE 'watch_off' END, NULL, CASE
                    WHEN d.watchlist IS NOT NULL THEN greatest(d.said_at, d.watch + interval '1 microsecond') END),
                (CASE WHEN d.favorite THEN 'favorite' ELSE 'favor_off' END, NULL, CASE
                    WHEN d.favorite IS NOT NULL THEN greatest(d.said_at, d.favor + interval '1 microsecond') END)
            ) AS part (action, rating, at)
            WHERE part.at IS NOT NULL
        ), named AS MATERIALIZED (
            SELECT said.*, bandit_message_id(said.said_at) AS message_id FROM said
        ), logged AS (
            INSERT INTO feedback_events
                (message_id, message_time, user_id, movie_id, claimed_event_id, action, rating, seen, occurred_at,
                 received_at, event_id, reason)
            SELECT n.message_id, bandit_message_time(n.message_id), n.user_id, NULL, n.event_id, n.action, n.rating,
                NULL, n.at, n.said_at, meant.event_id, meant.reason
            FROM named AS n
            CROSS JOIN LATERAL bandit_attribution(
                n.user_id, NULL, n.event_id, n.said_at, bandit_message_time(n.message_id), %(window)s, %(since)s,
                %(until)s
            ) AS meant
            RETURNING event_id
        )
        SELECT DISTINCT event_id FROM logged WHERE event_id IS NOT NULL ORDER BY event_id
        """,
        {"events": ids(due), "window": window, **span(event_id >> 6 for event_id in due)},
    )
    return [event_id for (event_id,) in rows]


def _clear(connection: Connection, due: Sequence[int], counted: Sequence[int]) -> None:
    """Takes the parts out that the log has now; a row with nothing left goes."""
    connection.execute(
        """
        UPDATE bandit_inbox
        SET pending = false, refused = NULL, clicked = NULL, clicked_at = NULL, thumb = NULL, thumbed_at = NULL,
            watchlist = NULL, favorite = NULL,
            rated = CASE WHEN rated AND NOT rating_value BETWEEN 0.5 AND 5 THEN rated END
        WHERE event_id = ANY(%s::bigint[])
        """,
        [ids(counted)],
    )
    connection.execute("UPDATE bandit_inbox SET pending = false WHERE event_id = ANY(%s::bigint[])", [ids(due)])
    connection.execute(
        """
        DELETE FROM bandit_inbox
        WHERE event_id = ANY(%s::bigint[]) AND extra = '{}'
            AND (clicked, rated, watchlist, favorite) IS NOT DISTINCT FROM (NULL, NULL, NULL, NULL) AND thumb IS NULL
        """,
        [ids(counted)],
    )
