"""What a visitor reacted to last, with the neighbours of those movies: one statement of a list's round trip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from bandit_selector.lists.session import LAST, Neighbours, Reaction, Session
from bandit_selector.store.connection import Connection

LISTS: Final = 10  # a visitor's newest lists whose clicks and ratings are read
ROWS: Final = 4 * LAST  # of the site's `ratings`: several may be of one movie
DAY: Final = timedelta(days=1)
_PACKED: Final = np.dtype([("movie_id", ">i4"), ("transition", ">f4"), ("cosine", ">f4")])  # as bandit_packed writes it


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose reactions of the last `gap` before `now` begin a list; `zone`: of the site's timestamps without one."""

    user_id: int
    now: datetime
    gap: timedelta
    zone: ZoneInfo


def read_recent(connection: Connection, asked: Asked) -> Any:
    """The statement for the visitor's last reactions; no row if the newest is older than the gap.

    Reactions are rows of the site's `ratings` with a moment, and clicks and ratings on the visitor's newest lists.
    """
    return connection.execute(
        """
        WITH said AS MATERIALIZED (
            SELECT movie_id, max(at) AS at FROM (
                ( -- where `ratings` has no column of this name, it is the outer one
                    SELECT r.* FROM (SELECT NULL::timestamptz AS "timestamp") AS absent CROSS JOIN LATERAL (
                        SELECT movie_id::bigint, bandit_moment("timestamp", %(zone)s) AS at
                        FROM ratings WHERE user_id = %(user)s
                    ) AS r
                    WHERE r.at <= %(now)s
                    ORDER BY r.at DESC LIMIT %(rows)s
                )
                UNION ALL
                SELECT l.movie_ids[(r.event_id & 63)::integer], r.at
                FROM (
                    SELECT id, movie_ids FROM bandit_lists
                    WHERE user_id = %(user)s AND created_at > %(since)s + interval '1 second' AND created_at <= %(now)s
                    ORDER BY created_at DESC LIMIT %(lists)s
                ) AS l
                CROSS JOIN LATERAL ( -- list by list: all reactions of a day would be read for a join
                    SELECT event_id, greatest(clicked_at, rated_at) AS at FROM bandit_reactions
                    WHERE event_id BETWEEN l.id * 64 + 1 AND l.id * 64 + 63 AND shown_at = bandit_second(l.id)
                        AND shown_at > %(since)s -- leaves partitions out
                    OFFSET 0
                ) AS r
                WHERE r.at <= %(now)s AND l.movie_ids[(r.event_id & 63)::integer] IS NOT NULL
            ) AS reaction
            GROUP BY movie_id ORDER BY max(at) DESC, movie_id LIMIT %(last)s
        )
        SELECT extract(epoch FROM said.at)::double precision,
            n.packed,
            CASE WHEN count(n.packed) OVER () > 0 AND row_number() OVER (ORDER BY said.at DESC, said.movie_id) = 1
                THEN ARRAY(SELECT movie_id FROM movie_popularity WHERE NOT long_tail) END
        FROM said LEFT JOIN movie_neighbours AS n ON n.movie_id = said.movie_id
        WHERE (SELECT max(at) FROM said) > %(now)s - %(gap)s
        ORDER BY said.at DESC, said.movie_id
        """,
        {
            "user": asked.user_id,
            "now": asked.now,
            "since": asked.now - DAY,
            "gap": asked.gap,
            "zone": asked.zone.key,
            "last": LAST,
            "rows": ROWS,
            "lists": LISTS,
        },
        binary=True,
    )


def session_of(rows: Sequence[tuple[Any, ...]]) -> Session | None:
    """The rows of that statement; None if there are none."""
    if not rows:
        return None
    reactions = [Reaction(at, _neighbours(packed) if packed else None) for at, packed, _ in rows]
    return Session(reactions, frozenset(rows[0][-1] or ()))


def _neighbours(packed: bytes) -> Neighbours:
    rows = np.frombuffer(packed, _PACKED)
    return Neighbours(rows["movie_id"], rows["transition"], rows["cosine"])
