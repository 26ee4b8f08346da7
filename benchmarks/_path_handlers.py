"""The median time of `select`'s handler, of its bare statements, and of version 1.0's handler, in turn.

Version 1.0 knew no session, so ours is also asked with SESSION_GAP=off.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from statistics import median
from typing import Any, Final, TypeVar

from awslambdaric.lambda_context import LambdaContext
from bandit_selector.store.connection import Connection, Database

from benchmarks import _path_load as load
from benchmarks._path_ways import SETTINGS
from benchmarks._silence import silenced
from benchmarks.former.recommend import respond as former_respond
from functions.select.handler import TELEMETRY, respond

T = TypeVar("T")
CONTEXT: Final = LambdaContext("1", None, None, 2**42, "arn:aws:lambda:eu-central-1:111122223333:function:select")


@dataclass(frozen=True, slots=True)
class Handlers:
    """Median milliseconds of a request for thirty movies."""

    statements: float
    handler: float
    sessionless: float
    former: float


class Heard(Database):
    """Keeps what it was asked to do, which can be done again without the handler."""

    def __init__(self, address: Callable[[], str], *, plan_once: bool) -> None:
        super().__init__(address, plan_once=plan_once)
        self.heard: list[Callable[[Connection], Any]] = []

    def run(self, work: Callable[[Connection], T]) -> T:
        self.heard.append(work)
        return super().run(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        self.heard.append(work)
        return super().read(work)

    def again(self) -> None:
        """Does the last request's work once more: its statements, with what reads their answers."""
        for work in self.heard:
            super().run(work)


def handlers(new: Heard, old: Database, requests: int) -> Handlers:
    """Asks all for the same visitors, one after another, so that a noisy moment meets all of them.

    Ours logs what LOG_SAMPLE says, as when deployed.
    """
    served = [
        TELEMETRY.handling(lambda event, _, settings=settings: respond(event, settings, new))
        for settings in (SETTINGS, SETTINGS.model_copy(update={"session_gap": None}))
    ]
    randomness = Random(2)
    spans: list[tuple[float, float, float, float]] = []
    with silenced():
        for _ in range(requests):
            event = _event(randomness.randint(1, load.ASKING), datetime.now(UTC))
            sessionless = _timed(lambda event=event: served[1](event, CONTEXT))
            new.heard.clear()
            handler = _timed(lambda event=event: served[0](event, CONTEXT))
            statements = _timed(new.again)
            former = _timed(lambda event=event: former_respond(event, SETTINGS, old))
            spans.append((statements, handler, sessionless, former))
    return Handlers(*map(median, zip(*spans, strict=True)))


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def _event(user: int, now: datetime) -> dict[str, Any]:
    return {
        "routeKey": "GET /movies/recommendations",
        "queryStringParameters": {"user_id": str(user)},
        "requestContext": {
            "timeEpoch": now.timestamp() * 1000,
            "authorizer": {"jwt": {"claims": {"sub": str(user)}}},
        },
    }
