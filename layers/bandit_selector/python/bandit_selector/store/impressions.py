"""One impression as it was recorded. Reads; decides nothing."""

from dataclasses import dataclass
from datetime import datetime

from bandit_selector.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Shown:
    """The impression: `propensity` and `version` are those of the draw, None where nothing was drawn.

    `movie_id` is None for a place that the site filled.
    """

    event_id: int
    user_id: int
    movie_id: int | None
    position: int | None
    algorithm: str
    context_key: str | None
    propensity: float | None
    version: int | None
    created_at: datetime
    outcome: str | None


def read_impression(connection: Connection, event_id: int) -> Shown | None:
    """The impression with this id, or None."""
    row = connection.execute(
        """
        SELECT event_id, user_id, movie_id, position, algorithm, context_key, propensity, posterior_version,
            created_at, outcome
        FROM bandit_archive_rows
        WHERE event_id = %(event)s
            AND (bandit_is_old(%(event)s) OR (list_id = %(event)s >> 6 AND created_at >= bandit_second(%(event)s >> 6)
                AND created_at < bandit_second(%(event)s >> 6) + interval '1 second'))
        """,
        {"event": event_id},
    ).fetchone()
    return Shown(*row) if row else None
