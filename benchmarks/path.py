"""`./dev bench path`: what a list costs on its way through PostgreSQL, against two rivals in the same run.

Lists of thirty with .3 reactions each are read, recorded, settled and reacted to (a) by the product's own functions,
one row a list; (b) as version 1.0 did it, one row a movie (benchmarks/former); (c) as the existing
application does it, by SQLAlchemy's ORM. Bytes are exact. CPU is that of the backend process, with
synchronous_commit=off, because the kernel's work for a flush is the disk's; only the consumer commits durably.
full_page_writes=off, as Aurora writes none. With --scale the product's path runs again on that many impressions,
without the rivals.
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
from benchmarks._path_consumers import Consumer, Rate, consumer, rates
from benchmarks._path_existing import Existing, existing_way
from benchmarks._path_handlers import Handlers, Heard, handlers
from benchmarks._path_report import report
from benchmarks._path_walk import Path, partitions, walk
from benchmarks._path_ways import Former, Product, Way, prepare
from benchmarks._server import server_url

COMMAND: Final = "./dev bench path"
RESULTS: Final = File(__file__).parent / "results" / "path.md"
SERVER: Final = (
    "shared_buffers=1GB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "autovacuum=off",
    "full_page_writes=off",
)
CONSOLE: Final = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of one run; `grown` is the product's path by number of impressions."""

    product: Path
    former: Path
    existing: Existing
    handlers: Handlers
    consumers: Sequence[Rate]
    partitions: tuple[int, int]
    grown: dict[int, Path]


def main(argv: Sequence[str]) -> int:
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--history", type=int, default=1_000_000, help="impressions that are there already")
    parser.add_argument("--lists", type=int, default=50_000, help="lists that get feedback and are settled")
    parser.add_argument("--asked", type=int, default=1_000, help="lists that are read and recorded one by one")
    parser.add_argument(
        "--scale", type=int, nargs="*", default=[], help="impressions of more runs of the product's path"
    )
    arguments = parser.parse_args(argv)
    with server_url(SERVER) as url:
        table = report(_measure(url.rpartition("/")[0], arguments), arguments, os.cpu_count() or 1)
    RESULTS.write_text(table)
    print(table)
    return 0


def _measure(server: str, arguments: argparse.Namespace) -> Measured:
    now = datetime.now(UTC)
    product, pruned = _walked(server, "product", Product(), arguments.history, arguments, now)
    former, _ = _walked(server, "former", Former(), arguments.history, arguments, now)
    with CONSOLE.status("The handlers ..."):
        asked = _asked(server, arguments.asked)
    with CONSOLE.status("The consumers ..."):
        counted = _counted(server, 2 * arguments.lists, now)
    with CONSOLE.status("The existing application's way ..."):
        _make_database(server, "existing")
        existing = existing_way(f"{server}/existing", min(arguments.asked, 500))
    _drop_database(server, "former")
    grown = {size: _walked(server, f"grown_{size}", Product(), size, arguments, now)[0] for size in arguments.scale}
    return Measured(product, former, existing, asked, counted, pruned, grown)


def _asked(server: str, requests: int) -> Handlers:
    for name in ("product", "former"):
        with _connected(server, name) as connection:
            connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    with (
        closing(Heard(lambda: f"{server}/product", plan_once=True)) as new,
        closing(Database(lambda: f"{server}/former", plan_once=True)) as old,
    ):
        return handlers(new, old, requests)


def _counted(server: str, lists: int, now: datetime) -> list[Rate]:
    ways: list[tuple[str, Way]] = [("product", Product()), ("former", Former())]
    made: list[Consumer] = []
    with ExitStack() as stack:
        for name, way in ways:
            own, watcher = (stack.enter_context(_connected(server, name)) for _ in range(2))
            own.execute("SET synchronous_commit = on")
            made.append(consumer(way, own, watcher, lists, now))
        return rates(made, now)


def _walked(
    server: str, name: str, way: Way, history: int, arguments: argparse.Namespace, now: datetime
) -> tuple[Path, tuple[int, int]]:
    """One way's figures in a database of its own, and how many of its partitions the window's query reads."""
    with CONSOLE.status(f"{name}: {history:,} impressions ..."):
        _make_database(server, name)
        with _connected(server, name) as watcher, _connected(server, name) as own:
            prepare(way, watcher, history // load.PLACES, now)
            path = walk(way, watcher, own, arguments.asked, arguments.lists, now)
            return path, partitions(watcher, now)


def _connected(server: str, name: str) -> Connection:
    return connect(f"{server}/{name}", statement_seconds=0)


def _make_database(server: str, name: str) -> None:
    with _connected(server, "postgres") as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())


def _drop_database(server: str, name: str) -> None:
    with _connected(server, "postgres") as connection:
        connection.execute(f"DROP DATABASE {name}".encode())
