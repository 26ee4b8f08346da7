"""`./dev bench service`: the speed of the handlers alone, without the emulated gateway and queue.

One process has one connection for each handler. `select` makes lists of ten from the synthetic world's catalogue; the
consumer gets the world's reactions in batches, as the demo sends them. The baselines of the same run: an empty round
trip to the same database, and the two statements of a list alone.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, TypeVar

import numpy as np
from bandit_selector.feedback import Message, new_message_id
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.lists.slate import Place
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.migrate import migrate
from bandit_selector.store.serving import read_visitor, record_list
from bandit_selector.store.showing import Showing
from bandit_selector.store.verification import first_difference
from rich.console import Console
from rich.progress import track

from benchmarks._server import server_url
from benchmarks._silence import silenced
from functions.candidates.handler import build
from functions.feedback.handler import consume
from functions.select.handler import respond
from infra.local import site
from infra.local.demo.visitors import Visit
from infra.local.demo.world import Synthetic, synthetic

COMMAND = "./dev bench service"
RESULTS = Path(__file__).parent / "results" / "service.md"
SETTINGS = Settings()
T = TypeVar("T")


def main(argv: Sequence[str]) -> int:
    """Measures, prints and writes the table; 1 if the counts were wrong afterwards."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="lists per repetition")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions; the median counts")
    arguments = parser.parse_args(argv)
    with server_url() as url:
        return _measure(url, arguments.requests, arguments.repeat)


def _measure(url: str, requests: int, repeat: int) -> int:
    world = synthetic(seed=1)
    with (
        connect(url, statement_seconds=0) as connection,
        closing(Database(lambda: url, plan_once=True)) as asked,
        closing(Database(lambda: url)) as told,
    ):
        migrate(connection)
        site.load(connection, world.catalogue)
        build(connection, _unseen, datetime.now(UTC))
        runs = [
            _once(world, asked, told, requests, seed)
            for seed in track(range(repeat), "service", console=Console(stderr=True))
        ]
        wrong = first_difference(connection)
    table = report({what: median(run[what] for run in runs) for what in runs[0]}, requests, repeat)
    RESULTS.write_text(table)
    print(table)
    print(wrong or "The invariant holds for every count and sum.")
    return int(wrong is not None)


def _unseen(_step: str, _done: int, _of: int) -> None:
    """Shows no progress."""


def _once(world: Synthetic, asked: Database, told: Database, requests: int, seed: int) -> dict[str, float]:
    """Calls per second of each kind; `select` and the consumer have a connection each."""
    rng, visits = np.random.default_rng(seed), world.visits(datetime.now(UTC), np.random.default_rng(seed))
    coming = [next(visits) for _ in range(requests)]
    speeds: dict[str, float] = {}
    with silenced():
        speeds["an empty round trip"] = _rate(coming, lambda _: asked.run(lambda own: own.execute("SELECT 1")))
        speeds["the statements of a list alone"] = _rate(coming, lambda visit: asked.run(_statements(visit)))
        answers: list[tuple[Visit, list[dict[str, Any]]]] = []
        speeds["select, a list of ten"] = _rate(coming, lambda visit: answers.append((visit, _ask(asked, visit))))
        bodies = [body for visit, shown in answers for body in _reactions(world, visit, shown, rng)]
        batches = [bodies[start : start + 100] for start in range(0, len(bodies), 100)]
        consumed = _rate(batches, lambda batch: consume(_records(batch), told, SETTINGS))
    speeds["the consumer, messages in batches of 100"] = consumed * len(bodies) / len(batches)
    seconds = requests / speeds["select, a list of ten"] + len(batches) / consumed
    speeds["requests with their feedback, select and consumer in turn"] = requests / seconds
    return speeds


def _rate(items: Sequence[T], call: Callable[[T], object]) -> float:
    start = time.perf_counter()
    for item in items:
        call(item)
    return len(items) / (time.perf_counter() - start)


def _ask(database: Database, visit: Visit) -> list[dict[str, Any]]:
    event = {
        "routeKey": "GET /movies/recommendations",
        "queryStringParameters": {"user_id": str(visit.user_id), "limit": "10", "use_bandit": "auto"},
        "requestContext": {
            "timeEpoch": visit.at.timestamp() * 1000,
            "authorizer": {"jwt": {"claims": {"sub": str(visit.user_id)}}},
        },
    }
    movies: list[dict[str, Any]] = json.loads(respond(event, SETTINGS, database)["body"])
    return movies


def _reactions(world: Synthetic, visit: Visit, shown: Sequence[dict[str, Any]], rng: np.random.Generator) -> list[str]:
    events = {movie["id"]: movie["event_id"] for movie in shown}
    randomness = Random(visit.user_id)
    return [
        Message.model_validate(
            {
                "message_id": new_message_id(visit.at, randomness),
                "action": reaction.action,
                "user_id": visit.user_id,
                "movie_id": reaction.movie_id,
                "event_id": events[reaction.movie_id],
                "rating": reaction.rating,
                "occurred_at": visit.at + reaction.delay,
                "received_at": visit.at + reaction.delay,
            }
        ).model_dump_json(exclude_none=True)
        for reaction in world.react(visit.user_id, list(events), visit.at, rng)
    ]


def _records(bodies: Sequence[str]) -> dict[str, Any]:
    return {"Records": [{"messageId": str(at), "body": body} for at, body in enumerate(bodies)]}


def _statements(visit: Visit) -> Callable[[Connection], object]:
    """Runs the statements of `select` for a list of ten."""
    places = [Place(number, number, 0.5, "bandit_svd", 1.0) for number in range(1, 11)]

    def ask(own: Connection) -> object:
        read_visitor(own, visit.user_id, CONTEXT_KEYS[:3])
        showing = Showing(visit.user_id, CONTEXT_KEYS[0], "treatment", "shown", None, None)
        return record_list(own, places, showing, visit.at)

    return ask


def report(speeds: dict[str, float], requests: int, repeat: int) -> str:
    """The table, with ratios to the statements of a list alone."""
    base = speeds["the statements of a list alone"]
    return "\n".join(
        [
            "# What the handlers alone reach",
            "",
            f"`{COMMAND}` on {os.cpu_count()} cores, medians of {repeat} × {requests:,} lists of ten with their",
            "feedback; one process, two connections, durable commits; no gateway, queue or network. Synthetic world.",
            "Machines differ: read the ratios.",
            "",
            "| | per second | milliseconds | × the statements alone |",
            "|---|---|---|---|",
            *(f"| {what} | {rate:,.0f} | {1000 / rate:.2f} | {rate / base:.2f} |" for what, rate in speeds.items()),
            "",
        ]
    )
