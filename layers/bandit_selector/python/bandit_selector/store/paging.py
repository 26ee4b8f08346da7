"""Lists that visitors read page by page: what a seed has shown already, and its next places. One round trip each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from bandit_selector.lists.names import algorithm_of
from bandit_selector.lists.shadow import Shadow
from bandit_selector.lists.slate import Place
from bandit_selector.lists.windows import Shown
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.movies import movies_of
from bandit_selector.store.serving import Answered, answered, record_statement
from bandit_selector.store.showing import Showing, record_requests

PAGED_FOR: Final = timedelta(hours=1)
"""How long a seed names the same list."""


def read_shown(connection: Connection, user_id: int, seed: str, now: datetime) -> Any:
    """The statement for what a seed has shown; `shown_of` reads its answer."""
    return connection.execute(
        """
        SELECT id, first_position, ab_group, algorithm, movie_ids, scores, arms, drawn, propensities
        FROM bandit_lists
        WHERE user_id = %(user)s AND seed = %(seed)s
            AND created_at > %(since)s AND created_at < %(until)s
        ORDER BY id
        """,
        {"user": user_id, "seed": seed, "since": now - PAGED_FOR, "until": now + PAGED_FOR},
        binary=True,
    )


def shown_of(rows: Sequence[tuple[Any, ...]]) -> list[Shown]:
    """The places of these lists."""
    return [shown for row in rows for shown in _places(*row)]


def record_pages(
    connection: Connection,
    pages: Sequence[tuple[Sequence[Place], Shadow | None]],
    again: Sequence[Shown],
    showing: Showing,
    now: datetime,
) -> tuple[list[Answered], list[Answered]] | None:
    """Records new runs of places of a seed's list, each with its shadow, and reads the movies of those shown `again`.

    None when another request has recorded a page of this list since it was read; then it is to be read again. The two
    lists are of the new places and of those shown again. One round trip.
    """
    with transaction(connection):
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [showing.seed, showing.user_id]
        )  # a statement of its own: the next one sees what its holder has committed
        record_requests(connection, showing, now)
        lists = connection.execute(
            """
            SELECT count(*) FROM bandit_lists
            WHERE user_id = %(user)s AND seed = %(seed)s AND created_at > %(since)s AND created_at < %(until)s
            """,
            {"user": showing.user_id, "seed": showing.seed, "since": now - PAGED_FOR, "until": now + PAGED_FOR},
        )
        written = [
            record_statement(connection, places, replace(showing, known=(showing.known or 0) + number), now, shadow)
            for number, (places, shadow) in enumerate(pages)
        ]
        read = connection.execute(
            f"SELECT id, {showing.movie} FROM movies WHERE id = ANY(%s)".encode(),  # noqa: S608 # quoted names
            [[one.place.movie_id for one in again]],
        )
    new = [answered(row.fetchone(), places) for row, (places, _) in zip(written, pages, strict=True)]
    if lists.fetchone() != (showing.known,):
        return None
    movies = movies_of(dict(read))
    old = [(one, movies[one.place.movie_id]) for one in again if one.place.movie_id in movies]
    return [one for page in new for one in page], old


def _places(
    list_id: int,
    first: int,
    _group: str | None,
    algorithm: str | None,
    movie_ids: Sequence[int],
    scores: Sequence[float],
    arms: Sequence[str] | None,
    drawn: bytes | None,
    propensities: Sequence[float] | None,
) -> list[Shown]:
    names = [algorithm_of((arms or ())[which - 1]) for which in drawn or b""] or [algorithm or ""] * len(movie_ids)
    chances = propensities or [None] * len(movie_ids)
    entries = zip(movie_ids, scores, names, chances, strict=True)
    return [
        Shown(Place(first + number - 1, movie, score, name, chance), list_id * 64 + number)
        for number, (movie, score, name, chance) in enumerate(entries, start=1)
    ]
