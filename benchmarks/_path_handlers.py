"""The median time of `select`'s handler, of its bare statements, and of version 1.0's handler, in turn."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from statistics import median
from typing import Any, Final

from awslambdaric.lambda_context import LambdaContext
from bandit_selector.store.connection import Database

from benchmarks import _path_load as load
from benchmarks._path_ways import SETTINGS, Product
from benchmarks._silence import silenced
from benchmarks.former.recommend import respond as former_respond
from functions.select.handler import TELEMETRY, respond

CONTEXT: Final = LambdaContext("1", None, None, 2**42, "arn:aws:lambda:eu-central-1:111122223333:function:select")


@dataclass(frozen=True, slots=True)
class Handlers:
    """Median milliseconds of a request for thirty movies."""

    statements: float
    handler: float
    former: float


def handlers(new: Database, old: Database, requests: int) -> Handlers:
    """Asks all three for the same visitors, one after another, so that a noisy moment meets all of them.

    Ours logs what LOG_SAMPLE says, as when deployed.
    """
    served = TELEMETRY.handling(lambda event, _: respond(event, SETTINGS, new))
    randomness, way = Random(2), Product()
    spans: tuple[list[float], list[float], list[float]] = ([], [], [])
    with silenced():
        for _ in range(requests):
            user, now = randomness.randint(1, load.ASKING), datetime.now(UTC)
            event = _event(user, now)
            places = way.slate(new.run(lambda own, user=user: way.read(own, user)), randomness)

            def statements(own: Any, user: int = user, now: datetime = now, places: Any = places) -> None:
                way.read(own, user)
                way.record(own, user, places, now)

            spans[0].append(_timed(lambda work=statements: new.run(work)))
            spans[1].append(_timed(lambda event=event: served(event, CONTEXT)))
            spans[2].append(_timed(lambda event=event: former_respond(event, SETTINGS, old)))
    return Handlers(*map(median, spans))


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
