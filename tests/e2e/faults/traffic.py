"""A large random history, and the account of its messages: applied, lost, counted twice."""

import os
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from bandit_selector.feedback import Message, new_message_id
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import settle
from bandit_selector.store.verification import first_difference

from tests.builders import EPOCH, RULE, Impression
from tests.integration.histories import ARMS, KEYS, History, tables, truth

ACTIONS = ("click",) * 5 + ("rating", "rating", "thumbs_up", "thumbs_down")
END = EPOCH + timedelta(days=30)
SCALE = int(os.environ.get("FAULT_SCALE", "1"))
HELD_SECONDS = float(os.environ.get("FAULT_HELD_SECONDS", "2"))
"""`./dev bench faults` plays the same scenes with more messages, and holds the queue for minutes."""


@dataclass(frozen=True, slots=True)
class Account:
    """How many messages of one run were applied, lost or counted twice."""

    sent: int
    applied: int
    lost: int
    counted_twice: int

    def __str__(self) -> str:
        return (
            f"sent {self.sent:,} | applied {self.applied:,} | lost {self.lost:,} | counted twice {self.counted_twice:,}"
        )


def traffic(seed: int, impressions: int = 2_000, messages: int = 1_000) -> History:
    """Impressions over a week, and a message each for random ones; some are late, foreign or without impression.

    `SCALE` times as many of both.
    """
    randomness = Random(seed)
    shown = tuple(
        Impression(
            number,
            randomness.randint(1, 100),
            randomness.randint(1, 60),
            randomness.choice((*ARMS, "hybrid_control", "hybrid_fallback")),
            randomness.choice(KEYS),
            EPOCH + timedelta(seconds=randomness.randrange(7 * 24 * 3600)),
        )
        for number in range(1, SCALE * impressions + 1)
    )
    return History(shown, tuple(_message(randomness.choice(shown), randomness) for _ in range(SCALE * messages)))


def _message(shown: Impression, randomness: Random) -> Message:
    received = shown.created_at + timedelta(seconds=randomness.choice((5, 60, 3_600, 8 * 24 * 3_600)))
    action = randomness.choice(ACTIONS)
    named = randomness.random() < 0.7
    stranger = randomness.random() < 0.02
    return Message(
        message_id=new_message_id(received, randomness),
        action=action,
        user_id=randomness.randint(1, 100) if stranger else shown.user_id,
        movie_id=None if named else shown.movie_id,
        event_id=shown.id + (randomness.random() < 0.02) * 2**40 if named else None,
        rating=randomness.randint(1, 10) / 2 if action == "rating" else None,
        occurred_at=received - timedelta(seconds=randomness.choice((0, 0, 2, 600))),
        received_at=received,
    )


def written(history: History) -> list[str]:
    """The messages in the queue's form."""
    return [message.model_dump_json(exclude_none=True) for message in history.messages]


def account(connection: Connection, history: History, fault: str) -> Account:
    """Settles everything, compares the tables with the truth cell by cell, and prints the run's line."""
    while settle(connection, END, RULE, END, limit=5_000):
        pass
    found, true = tables(connection), truth(history)
    recorded = {row[0] for row in connection.execute("SELECT message_id FROM feedback_events")}
    pulls = {cell: counts[2] for cell, counts in found.cells.items()}
    result = Account(
        sent=len(history.messages),
        applied=len(recorded),
        lost=len({message.message_id for message in history.messages} - recorded),
        counted_twice=int(sum(max(0, count - true.cells.get(cell, (0,) * 3)[2]) for cell, count in pulls.items())),
    )
    print(f"\n{fault} | {result}")
    assert found == true
    assert first_difference(connection) is None
    assert (result.applied, result.lost, result.counted_twice) == (result.sent, 0, 0)
    return result
