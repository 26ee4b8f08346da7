"""`./dev bench path`: what a list costs on its way through PostgreSQL, against two rivals in the same run.

Lists of thirty with .3 reactions each are read, recorded, settled and reacted to (a) by the product's own functions,
one row a list; (b) as version 1.0 did it, one row a movie (benchmarks/former); (c) as the existing
application does it, by SQLAlchemy's ORM. Each has a server of its own, so that the pages of one do not push out those
of another. Bytes are exact. CPU is that of the backend process, with
synchronous_commit=off, because the kernel's work for a flush is the disk's; only the consumer commits durably.
full_page_writes=off, as Aurora writes none. With --scale only the product's path runs, on the usual history and on
that many impressions.
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as File
from typing import Final

from bandit_selector.store.connection import Connection, Database, connect
from rich.console import Console

from benchmarks import _path_load as load
from benchmarks._path_bare import Bare
from benchmarks._path_consumers import ALL_NAMED, USUAL, Consumer, Load, Rates, consumer, rates
from benchmarks._path_existing import Existing, existing_way
from benchmarks._path_handlers import Handlers, Heard, handlers
from benchmarks._path_report import growth, report
from benchmarks._path_walk import Path, partitions, walk
from benchmarks._path_ways import Former, Product, Way, prepare
from benchmarks._server import server_url

COMMAND: Final = "./dev bench path"
RESULTS: Final = File(__file__).parent / "results" / "path.md"
GROWTH: Final = RESULTS.with_name("path_growth.md")
SERVER: Final = (
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "autovacuum=off",
    "full_page_writes=off",
)
CONSOLE: Final = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of one run."""

    product: Path
    former: Path
    existing: Existing
    handlers: Handlers
    consumers: Rates
    partitions: tuple[int, int]


def main(argv: Sequence[str]) -> int:
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--history", type=int, default=1_000_000, help="impressions that are there already")
    parser.add_argument("--lists", type=int, default=50_000, help="lists that get feedback and are settled")
    parser.add_argument("--asked", type=int, default=1_000, help="lists that are read and recorded one by one")
    parser.add_argument(
        "--scale", type=int, nargs="*", default=[], help="only how its figures grow to these numbers of impressions"
    )
    parser.add_argument("--buffers", default="1GB", help="shared_buffers of each server (default: 1GB)")
    arguments = parser.parse_args(argv)
    measuring, results = (_grow, GROWTH) if arguments.scale else (_compare, RESULTS)
    table = measuring(arguments, (*SERVER, f"shared_buffers={arguments.buffers}"), os.cpu_count() or 1)
    results.write_text(table)
    print(table)
    return 0


def _grow(arguments: argparse.Namespace, settings: Sequence[str], cores: int) -> str:
    paths: dict[int, Path] = {}
    for size in (arguments.history, *arguments.scale):
        with server_url(settings) as url:
            paths[size], _ = _walked(url, Product(), size, arguments, datetime.now(UTC))
    return growth(paths, arguments, cores)


def _compare(arguments: argparse.Namespace, settings: Sequence[str], cores: int) -> str:
    now = datetime.now(UTC)
    with ExitStack() as stack:
        new, old, app = (stack.enter_context(server_url(settings)) for _ in range(3))
        product, pruned = _walked(new, Product(), arguments.history, arguments, now)
        former, _ = _walked(old, Former(), arguments.history, arguments, now)
        with CONSOLE.status("The handlers ..."):
            asked = _asked(new, old, arguments.asked)
        with CONSOLE.status("The consumers ..."):
            counted = _counted(new, old, 2 * arguments.lists, now)
        with CONSOLE.status("The existing application's way ..."):
            existing = existing_way(app, min(arguments.asked, 500))
    return report(Measured(product, former, existing, asked, counted, pruned), arguments, cores)


def _asked(new_url: str, old_url: str, requests: int) -> Handlers:
    for url in (new_url, old_url):
        with connect(url) as connection:
            connection.execute("ALTER DATABASE postgres SET synchronous_commit = off")
    with (
        closing(Heard(lambda: new_url, plan_once=True)) as new,
        closing(Database(lambda: old_url, plan_once=True)) as old,
    ):
        return handlers(new, old, requests)


def _counted(new_url: str, old_url: str, lists: int, now: datetime) -> Rates:
    with ExitStack() as stack:

        def made(url: str, way: Way, asked: Load) -> Consumer:
            own = stack.enter_context(connect(url, statement_seconds=0, plan_once=way.consumer_plans_once))
            watcher = stack.enter_context(connect(url, statement_seconds=0))
            own.execute("SET synchronous_commit = on")
            return consumer(way, own, watcher, lists, now, asked)

        ours, bare = made(new_url, Product(), USUAL), made(new_url, Bare(), ALL_NAMED)
        return rates(ours, made(old_url, Former(), USUAL), bare, now)


def _walked(
    url: str, way: Way, history: int, arguments: argparse.Namespace, now: datetime
) -> tuple[Path, tuple[int, int]]:
    """One way's figures on a server of its own, and how many of its partitions the window's query reads."""

    def connected(plan_once: bool) -> Connection:
        return connect(url, statement_seconds=0, plan_once=plan_once)

    status = CONSOLE.status(f"{type(way).__name__}: {history:,} impressions ...")
    with status, connect(url, statement_seconds=0) as watcher:
        prepare(way, watcher, history // load.PLACES, now)
        path = walk(way, watcher, connected, arguments.asked, arguments.lists, now)
        return path, partitions(watcher, now)
