"""Builds rules, impressions, messages and cells. The only module of the tests that inserts them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import Rule
from psycopg import sql

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS_OF_2025 = 1_735_689_600
KEY = "night|weekday|regular"
RULE = Rule(success=4.0, failure=2.0, silence_counts=True, window=timedelta(days=7), prior_alpha=1.0, prior_beta=1.0)


@dataclass(frozen=True, slots=True)
class Impression:
    """One movie shown. Impressions of one `number` are places of one list, and agree in everything but the movie.

    Without a movie it is a place of a selection, whose arm control drew where `algorithm` names none.
    """

    number: int
    user_id: int = 1
    movie_id: int | None = 1
    algorithm: str = "bandit_svd"
    context_key: str = KEY
    created_at: datetime = EPOCH
    place: int = 1
    silence: str = "shown"
    counted_places: int | None = None
    propensity: float = 1 / 6
    phase: int | None = None

    @property
    def list_id(self) -> int:
        return (int(self.created_at.timestamp()) - SECONDS_OF_2025) << 16 | self.number

    @property
    def id(self) -> int:
        """The event id, known before the list is visible, so that a message can name it."""
        return self.list_id * 64 + self.place


def show(connection: Connection, impressions: Iterable[Impression]) -> None:
    """Makes impressions visible, as select does."""
    lists: dict[int, list[Impression]] = defaultdict(list)
    for one in impressions:
        lists[one.list_id].append(one)
    rows = [_row(sorted(places, key=lambda one: one.place)) for places in lists.values()]
    names = (
        "id, created_at, user_id, first_position, counted_places, ramp_phase, context_key, ab_group, silence,"
        " algorithm, arms, drawn, movie_ids, scores, propensities"
    )
    with connection.cursor() as cursor, connection.transaction():
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS shown_now (LIKE bandit_lists INCLUDING DEFAULTS)")
        cursor.execute("TRUNCATE shown_now")
        with cursor.copy(f"COPY shown_now ({names}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute("INSERT INTO bandit_lists SELECT * FROM shown_now")
        cursor.execute("INSERT INTO bandit_unsettled SELECT id, created_at FROM shown_now")


def _row(places: Sequence[Impression]) -> tuple[object, ...]:
    first = places[0]
    arms = sorted({one.algorithm.removeprefix("bandit_") for one in places})
    bandit = first.algorithm.startswith("bandit_")
    drawn = bandit or first.movie_id is None
    return (
        *(first.list_id, first.created_at, first.user_id, 1, first.counted_places, first.phase, first.context_key),
        "control" if first.algorithm == "hybrid_control" else "treatment",
        *(first.silence, None if bandit else first.algorithm, arms if drawn else None),
        bytes(arms.index(one.algorithm.removeprefix("bandit_")) + 1 for one in places) if drawn else None,
        [one.movie_id for one in places],
        [None if one.movie_id is None else 0.5 for one in places],
        [one.propensity for one in places] if drawn else None,
    )


LEARNED = (
    "bandit_lists",
    "bandit_unsettled",
    "bandit_reactions",
    "feedback_events",
    "bandit_states",
    "recommendation_hours",
    "experiment_days",
    "experiment_contexts",
    "experiment_visitors",
    "experiment_excess",
    "experiment_bounds",
    "experiment_backgrounds",
    "experiment_background_sums",
    "bandit_adjustments",
    "bandit_phases",
    "bandit_plans",
    "bandit_forgotten",
    "bandit_shares",
)


def truncate(connection: Connection) -> None:
    """Empties what was shown, said and learned; TRUNCATE would make new files for each of a hundred partitions."""
    with connection.pipeline():
        connection.execute("TRUNCATE recommendation_events_set_aside")  # its triggers watch single rows
        for table in LEARNED:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def event_of(number: int, at: datetime = EPOCH) -> int:
    """The event id of the first place of list `number`, shown at a moment."""
    return Impression(number, created_at=at).id


def message(number: int, action: str = "click", at: datetime = EPOCH, user_id: int = 1, **about: Any) -> Message:
    """Message number `number`, received when it occurred; `about` has the movie_id or event_id, and a rating."""
    given = {"message_id": UUID(int=number), "occurred_at": at, "received_at": at, "user_id": user_id, **about}
    return Message.model_validate({"action": action, **given})


def learn_cell(
    connection: Connection, arm: str, successes: int, failures: int, key: str = "evening|weekday|regular"
) -> None:
    """Sets the counts of one cell."""
    connection.execute(
        """
        INSERT INTO bandit_states (context_key, algorithm, total_successes, total_failures, alpha, beta)
        VALUES (%(key)s, %(arm)s, %(s)s, %(f)s, 1 + %(s)s, 1 + %(f)s)
        ON CONFLICT (context_key, algorithm) DO UPDATE
        SET total_successes = excluded.total_successes, total_failures = excluded.total_failures
        """,
        {"key": key, "arm": arm, "s": successes, "f": failures},
    )
