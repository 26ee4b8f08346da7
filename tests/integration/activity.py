"""Simulates some days of a site with the product: impressions shown, feedback applied, silence settled."""

import random
from datetime import datetime, timedelta
from uuid import UUID

from bandit_selector.feedback import Message
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import apply, settle
from psycopg.sql import SQL, Identifier

from infra.local.postgres import Postgres
from tests.builders import RULE, Impression, event_of, message, show

USERS = 400


def copy_database(server: Postgres, template: str, name: str) -> str:
    """Copies a database; returns the copy's address."""
    with connect(server.url) as admin:
        admin.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
    return f"{server.url.rpartition('/')[0]}/{name}"


def live(
    connection: Connection, now: datetime, impressions: int, days: float, seed: int = 1, lift: float = 0.5
) -> None:
    """Shows movies at random moments of the last `days` before `now`; even users are treated, odd ones are control.

    A treated user clicks with probability .1 · (1 + lift), a control user with .1; some give ratings or thumbs.
    Impressions older than ten minutes are settled, half of them before their feedback arrived.
    """
    rng = random.Random(seed)
    moments = sorted(now - timedelta(days=days) * rng.random() for _ in range(impressions))
    shown = [(number, rng.randrange(1, USERS + 1), at) for number, at in enumerate(moments, start=1)]
    show(
        connection,
        [
            Impression(
                number,
                user,
                number % 500 + 1,
                "hybrid_control" if user % 2 else f"bandit_{rng.choice(GUIDE_ARMS)}",
                rng.choice(CONTEXT_KEYS),
                at,
                number % 10 + 1,
            )
            for number, user, at in shown
        ],
    )
    settle(connection, now - timedelta(days=days / 2), RULE, now, impressions)
    said = [reaction for row in shown for reaction in _reactions(rng, *row, now, lift)]
    for start in range(0, len(said), 1000):
        apply(connection, said[start : start + 1000], RULE, now)
    settle(connection, now - timedelta(minutes=10), RULE, now, impressions)


def _reactions(
    rng: random.Random, number: int, user: int, shown: datetime, now: datetime, lift: float
) -> list[Message]:
    at = min(now, shown + timedelta(minutes=1))
    click = message(4 * number, at=at, user_id=user, event_id=event_of(number, shown))
    stars, thumb = rng.randrange(1, 11) / 2, rng.choice(("thumbs_up", "thumbs_down"))
    possible = [
        (0.1 if user % 2 else 0.1 * (1 + lift), click),
        (0.05, click.model_copy(update={"message_id": UUID(int=4 * number + 1), "action": "rating", "rating": stars})),
        (0.03, click.model_copy(update={"message_id": UUID(int=4 * number + 2), "action": thumb})),
    ]
    return [reaction for probability, reaction in possible if rng.random() < probability]
