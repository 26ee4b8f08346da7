"""Builds rules, impressions, messages and cells. The only module of the tests that inserts them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import Rule

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "night|weekday|regular"
RULE = Rule(success=4.0, failure=2.0, silence_counts=True, window=timedelta(days=7), prior_alpha=1.0, prior_beta=1.0)


@dataclass(frozen=True, slots=True)
class Impression:
    """One movie shown; the id is explicit, so that a message can name an impression before it exists."""

    id: int
    user_id: int = 1
    movie_id: int = 1
    algorithm: str = "bandit_svd"
    context_key: str = KEY
    created_at: datetime = EPOCH
    position: int = 1
    recommendation_id: UUID | None = None


def show(connection: Connection, impressions: Iterable[Impression]) -> None:
    """Makes impressions visible, as select does."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO recommendation_events
                (id, user_id, movie_id, algorithm, context, propensity, created_at, position, recommendation_id)
            VALUES (%s, %s, %s, %s, jsonb_build_object('context_key', %s::text), %s, %s, %s, %s)
            """,
            [
                (
                    *(one.id, one.user_id, one.movie_id, one.algorithm, one.context_key),
                    1 / 6 if one.algorithm.startswith("bandit_") else None,
                    *(one.created_at, one.position, one.recommendation_id),
                )
                for one in impressions
            ],
        )


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
