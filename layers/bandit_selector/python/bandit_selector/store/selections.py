"""What a selection reads and records: arms for places that the site fills. One round trip each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bandit_selector.lists.selection import Choice
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.serving import Showing, lock_visitor


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for a selection; `algorithm` is None where the bandit drew, else the name of the whole list."""

    choices: Sequence[Choice]
    algorithm: str | None
    version: int | None


def record_selection(connection: Connection, drawn: Drawn, showing: Showing, now: datetime) -> int:
    """Records a list of arms without movies, and returns its id. One round trip."""
    with transaction(connection):
        lock_visitor(connection, showing)
        recorded = _record(connection, drawn, showing, now)
    return recorded.fetchone()[0]


def _record(connection: Connection, drawn: Drawn, showing: Showing, now: datetime) -> Any:
    arms = sorted({choice.arm for choice in drawn.choices})
    return connection.execute(
        """
        WITH list AS (
            INSERT INTO bandit_lists
                (id, created_at, user_id, posterior_version, first_position, counted_places, context_key,
                 ab_group, silence, algorithm, arms, drawn, movie_ids, scores, propensities)
            VALUES (bandit_list_id(%(now)s), %(now)s, %(user_id)s, %(version)s, 1,
                CASE WHEN %(bound)s::integer IS NOT NULL THEN nullif(least(%(places)s, greatest(0, %(bound)s - ( -- room
                    SELECT coalesce(sum(coalesce(counted_places, cardinality(movie_ids))), 0) FROM bandit_lists
                    WHERE user_id = %(user_id)s AND created_at >= %(day)s AND created_at < %(day)s + interval '1 day'
                ))), %(places)s) END,
                %(context_key)s, %(ab_group)s, %(silence)s, %(algorithm)s::text, %(arms)s::text[], %(drawn)s::bytea,
                array_fill(NULL::integer, ARRAY[%(places)s::integer]),
                array_fill(NULL::real, ARRAY[%(places)s::integer]), %(propensities)s::real[])
            RETURNING id, created_at
        ), unsettled AS (
            INSERT INTO bandit_unsettled (list_id, created_at) SELECT id, created_at FROM list
        )
        SELECT id FROM list
        """,
        {
            "now": now,
            "day": now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
            "bound": showing.bound,
            "user_id": showing.user_id,
            "version": showing.version,
            "context_key": showing.context_key,
            "ab_group": showing.ab_group,
            "silence": showing.silence,
            "algorithm": drawn.algorithm,
            "arms": arms,
            "drawn": bytes(arms.index(choice.arm) + 1 for choice in drawn.choices),
            "places": len(drawn.choices),
            "propensities": [choice.propensity for choice in drawn.choices],
        },
    )
