"""The product's path and that of version 1.0, step by step in the same manner; see `./dev bench path`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any, Final, Protocol
from uuid import uuid4

from bandit_selector.feedback import Message, read_messages
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.lists.slate import Page, Place, Stock, bandit_slate
from bandit_selector.services.chances import probabilities
from bandit_selector.settings import Settings
from bandit_selector.store import outcomes, serving
from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.migrate import migrate
from bandit_selector.store.showing import Showing

from benchmarks import _path_load as load
from benchmarks.former import feedback as former_feedback
from benchmarks.former import outcomes as former_outcomes
from benchmarks.former import serving as former_serving
from benchmarks.former import slate as former_slate
from functions.feedback.settle import BATCH

SETTINGS: Final = Settings()
RULE: Final = Rule.of(SETTINGS)
KEY: Final = CONTEXT_KEYS[0]
FORMER_BATCH: Final = 5_000  # impressions in one transaction
PAGE: Final = Page(0, load.PLACES, SETTINGS.min_long_tail_share)


class Way(Protocol):
    """How lists are read, recorded, settled and reacted to."""

    table: str  # the one that settling updates
    consumer_plans_once: bool  # as the consumer's function connects

    def make(self, connection: Connection, now: datetime) -> None:
        """Makes the tables, as they are in use."""
        ...

    def fill(self, connection: Connection, lists: int, since: datetime, until: datetime, *, settled: bool) -> None: ...

    def read(self, connection: Connection, user_id: int) -> Any: ...

    def slate(self, visitor: Any, randomness: Random) -> list[Place]: ...

    def record(self, connection: Connection, user_id: int, places: Sequence[Place], now: datetime) -> object: ...

    def messages(self, bodies: Sequence[str]) -> Sequence[Any]:
        """The messages in the bodies of the queue's records."""
        ...

    def apply(self, connection: Connection, messages: Sequence[Any], now: datetime) -> object: ...

    def settle(self, connection: Connection, now: datetime) -> None:
        """Settles all that was shown before, batch by batch."""
        ...


class Product:
    """One row a list."""

    table = "bandit_lists"
    consumer_plans_once = True

    def make(self, connection: Connection, now: datetime) -> None:
        migrate(connection)
        connection.execute(
            "SELECT bandit_make_partitions(%s::timestamptz - interval '90 days', %s::timestamptz + interval '14 days')",
            [now, now],
        )

    def fill(self, connection: Connection, lists: int, since: datetime, until: datetime, *, settled: bool) -> None:
        load.fill_lists(connection, lists, since, until, settled=settled)

    def read(self, connection: Connection, user_id: int) -> serving.Visitor:
        return serving.read_visitor(connection, user_id, CONTEXT_KEYS[:3])

    def slate(self, visitor: serving.Visitor, randomness: Random) -> list[Place]:
        stock = Stock(visitor.own, visitor.everybodys, visitor.rated)
        return bandit_slate(stock, probabilities(visitor.beliefs[KEY], SETTINGS), PAGE, randomness)

    def record(self, connection: Connection, user_id: int, places: Sequence[Place], now: datetime) -> object:
        showing = Showing(user_id, KEY, "treatment", "shown", None, 1, Settings().max_places_per_visitor)
        return serving.record_list(connection, places, showing, now)

    def messages(self, bodies: Sequence[str]) -> Sequence[Message]:
        return [one for one in read_messages(bodies) if isinstance(one, Message)]

    def apply(self, connection: Connection, messages: Sequence[Message], now: datetime) -> object:
        return outcomes.apply(connection, messages, RULE, now)

    def settle(self, connection: Connection, now: datetime) -> None:
        for turn in range(outcomes.TURNS):
            while outcomes.settle(connection, now, RULE, now, BATCH, turn) == BATCH:
                pass


class Former:
    """One row a movie, as version 1.0 did it."""

    table = "recommendation_events"
    consumer_plans_once = False

    def make(self, connection: Connection, now: datetime) -> None:
        del now
        connection.execute((files("benchmarks.former") / "tables.sql").read_bytes())

    def fill(self, connection: Connection, lists: int, since: datetime, until: datetime, *, settled: bool) -> None:
        load.fill_rows(connection, lists, since, until, settled=settled)

    def read(self, connection: Connection, user_id: int) -> former_serving.Visitor:
        return former_serving.read_visitor(connection, user_id, CONTEXT_KEYS[:3], SETTINGS.arms)

    def slate(self, visitor: former_serving.Visitor, randomness: Random) -> list[Place]:
        chances = probabilities(visitor.beliefs[KEY], SETTINGS)
        return former_slate.bandit_slate(visitor.candidates, chances, PAGE, randomness)

    def record(self, connection: Connection, user_id: int, places: Sequence[Place], now: datetime) -> object:
        name = uuid4()
        context = {"time_period": "morning", "day_of_week": "weekday", "user_type": "cold_start", "context_key": KEY}
        return former_serving.record_slate(connection, name, user_id, places, context, 1, now)

    def messages(self, bodies: Sequence[str]) -> Sequence[former_feedback.Message]:
        return former_feedback.MESSAGES.validate_json(f"[{','.join(bodies)}]")  # none of them has a fault

    def apply(self, connection: Connection, messages: Sequence[former_feedback.Message], now: datetime) -> object:
        return former_outcomes.apply(connection, messages, RULE, now)

    def settle(self, connection: Connection, now: datetime) -> None:
        while former_outcomes.settle(connection, now, RULE, now, FORMER_BATCH) == FORMER_BATCH:
            pass


def prepare(way: Way, connection: Connection, history: int, now: datetime) -> None:
    """A site with its tables, candidates, and `history` settled lists of the last thirty days."""
    load.build_site(connection)
    way.make(connection, now)
    load.fill_candidates(connection)
    load.make_templates(connection)
    if history:
        way.fill(connection, history, now - timedelta(days=30), now - timedelta(hours=1), settled=True)
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
