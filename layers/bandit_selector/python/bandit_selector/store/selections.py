"""What a selection reads and records: arms for places that the site fills. One round trip each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bandit_selector.lists.selection import Choice
from bandit_selector.lists.shadow import Shadow
from bandit_selector.store.connection import Connection
from bandit_selector.store.shadows import of_selection
from bandit_selector.store.showing import COLUMNS, Showing, parameters, recording, values


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for a selection; `algorithm` is None where the bandit drew, else the name of the whole list."""

    choices: Sequence[Choice]
    algorithm: str | None
    version: int | None
    shadow: Shadow | None = None


def record_selection(connection: Connection, drawn: Drawn, showing: Showing, now: datetime) -> int:
    """Records a list of arms without movies, with its shadow, and returns its id. One round trip."""
    with recording(connection, showing, now):
        listed = _record(connection, drawn, showing, now)
    return listed.fetchone()[0]


def _record(connection: Connection, drawn: Drawn, showing: Showing, now: datetime) -> Any:
    arms = sorted({choice.arm for choice in drawn.choices})
    beside, of_shadow = of_selection(drawn.shadow)
    return connection.execute(
        f"""
        WITH list AS (
            INSERT INTO bandit_lists
                ({COLUMNS}, first_position, algorithm, arms, drawn, movie_ids, scores, propensities)
            VALUES ({values("%(places)s")},
                1, %(algorithm)s::text, %(arms)s::text[], %(drawn)s::bytea,
                array_fill(NULL::integer, ARRAY[%(places)s::integer]),
                array_fill(NULL::real, ARRAY[%(places)s::integer]), %(propensities)s::real[])
            RETURNING id, created_at
        ), unsettled AS (
            INSERT INTO bandit_unsettled (list_id, created_at) SELECT id, created_at FROM list
        ){beside}
        SELECT id FROM list
        """.encode(),  # noqa: S608 # our own SQL
        {
            **parameters(showing, now),
            "algorithm": drawn.algorithm,
            "arms": arms,
            "drawn": bytes(arms.index(choice.arm) + 1 for choice in drawn.choices),
            "places": len(drawn.choices),
            "propensities": [choice.propensity for choice in drawn.choices],
            **of_shadow,
        },
    )
