"""`./dev bench feedback`: events per second of the consumer, against one transaction per event and against COPY.

Everything runs on one embedded PostgreSQL of this machine, in one run: (a) naive, one transaction per event, counts
read, changed and written back, like the application that this service replaces; (b) the consumer's own entry point as
Lambda calls it, JSON in and partial-failure answer out, for several batch sizes and numbers of consumers; (c) COPY of
the same rows into a plain table, the limit. Each runs with durable commits on this disk, with 4 ms a commit
(commit_delay, about the latency of network storage), and with synchronous_commit=off. Then the same batches run
against a small and a large number of existing events.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median

from bandit_selector.feedback import Message
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.migrate import migrate
from bandit_selector.store.verification import first_wrong_cell, rebuild
from rich.console import Console
from rich.progress import Progress

from benchmarks._feedback_load import as_batches, make_partitions, react, show
from benchmarks._feedback_rivals import READING, copy, copy_indexed, naive, parts
from benchmarks._server import server_url
from benchmarks._silence import silenced
from infra.local import site

SERVER = ("shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=1h", "max_connections=40", "autovacuum=off")
RESULTS = Path(__file__).parent / "results" / "feedback.md"
COMMAND = "./dev bench feedback"
SIZES = (10, 100, 1000, 10_000)
CONSUMERS = (1, 2, 4)
NAIVE = "naive: one transaction per event"
COPY = "COPY of the same rows"
COPY_INDEXED = "COPY of the same rows, with the log's checks and indexes"
DURABLE, SLOW, OFF = "durable", "4 ms a commit", "sync off"
COMMITS = {
    DURABLE: "synchronous_commit = on, commit_delay = 0",
    SLOW: "synchronous_commit = on, commit_delay = 4000, commit_siblings = 0",
    OFF: "synchronous_commit = off, commit_delay = 0",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `speeds` in events per second, one for each repetition."""

    what: str
    commits: str
    speeds: tuple[float, ...]

    @property
    def speed(self) -> float:
        return median(self.speeds)


def main(argv: Sequence[str]) -> int:
    """Measures, prints and writes the table; 1 if the counts were wrong afterwards."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs per line; the median counts")
    parser.add_argument("--events", type=int, default=20_000, help="events per run of batches of 1,000 and more")
    parser.add_argument("--small", type=int, default=100_000, help="existing events of the first growth measurement")
    parser.add_argument("--large", type=int, default=10_000_000, help="existing events of the second")
    arguments = parser.parse_args(argv)
    with server_url(SERVER) as url:
        return _measure(url, arguments)


def _measure(url: str, arguments: argparse.Namespace) -> int:
    with connect(url, statement_seconds=0) as connection, Progress(console=Console(stderr=True)) as progress:
        site.create_tables(connection)
        migrate(connection)
        make_partitions(connection)
        connection.execute("CREATE TABLE naive_states (LIKE bandit_states INCLUDING ALL)")
        show(connection, arguments.small, settled=True)
        rebuild(connection)
        tasks = [(commits, size, consumers) for commits in COMMITS for size in SIZES for consumers in CONSUMERS]
        bar = progress.add_task("feedback", total=arguments.repeat * (len(tasks) + 9) + 2)
        rows: dict[tuple[str, str], list[float]] = {}

        def note(what: str, commits: str, speed: float) -> None:
            rows.setdefault((what, commits), []).append(speed)
            progress.advance(bar)

        for _ in range(arguments.repeat):
            for commits in COMMITS:
                _set(connection, commits)
                note(NAIVE, commits, naive(url, _fresh(connection, 4000 if commits == OFF else 600)))
                note(COPY, commits, copy(connection, _fresh(connection, arguments.events), 10))
                note(COPY_INDEXED, commits, copy_indexed(connection, _fresh(connection, arguments.events)))
                for size in SIZES:
                    for consumers in CONSUMERS:
                        count = min(arguments.events, size * 20) if size < 10_000 else arguments.events * 2
                        speed = consume_all(url, connection, count * (2 if consumers > 1 else 1), size, consumers)
                        note(f"consumer, batch {size:,}, {consumers} at once", commits, speed)
        _set(connection, DURABLE)
        spent = parts(url, _fresh(connection, arguments.events), 1000)
        wrong = first_wrong_cell(connection)
        connection.execute("CREATE DATABASE growing")
        growth = _growth(f"{url.rpartition('/')[0]}/growing", arguments, lambda: progress.advance(bar))
    measured = [Row(what, commits, tuple(speeds)) for (what, commits), speeds in rows.items()]
    table = report(measured, spent, growth, arguments)
    RESULTS.write_text(table)
    print(table)
    print(wrong or "The invariant holds for every cell.")
    return int(wrong is not None)


def _set(connection: Connection, commits: str) -> None:
    """Changes a setting for every connection opened from now on."""
    for setting in COMMITS[commits].split(", "):
        connection.execute(f"ALTER DATABASE postgres SET {setting}".encode())


def _fresh(connection: Connection, count: int) -> list[Message]:
    """New messages for impressions without feedback."""
    messages = react(connection, show(connection, count, settled=False), seed=count)
    connection.execute("ANALYZE bandit_lists, feedback_events, bandit_states")
    return messages


def consume_all(url: str, connection: Connection, count: int, size: int, consumers: int) -> float:
    """Events per second of processes that start together and share the batches."""
    batches = as_batches(_fresh(connection, max(count, size * consumers)), size)
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(consumers), context.SimpleQueue()
    processes = [
        context.Process(target=_consumer, args=(url, batches[start::consumers], barrier, times.put))
        for start in range(consumers)
    ]
    for process in processes:
        process.start()
    spans = [times.get() for _ in processes]
    for process in processes:
        process.join()
    seconds = max(end for _, end in spans) - min(start for start, _ in spans)
    return size * len(batches) / seconds


def _consumer(url: str, batches: Sequence[str], barrier: Barrier, done: Callable[[tuple[float, float]], None]) -> None:
    from functions.feedback.handler import consume  # the import is not measured

    settings, database = Settings(), Database(lambda: url)
    database.read(lambda own: own.execute("SELECT 1"))
    with silenced():
        barrier.wait()
        start = time.monotonic()
        for batch in batches:
            answer = json.dumps(consume(json.loads(batch), database, settings))
            assert answer == '{"batchItemFailures": []}', answer  # noqa: S101
    done((start, time.monotonic()))
    database.close()


def _growth(url: str, arguments: argparse.Namespace, advance: Callable[[], None]) -> dict[int, float]:
    """Median milliseconds of a batch of 1,000, by number of existing events."""
    cost: dict[int, float] = {}
    with connect(url, statement_seconds=0) as connection:
        site.create_tables(connection)
        migrate(connection)
        make_partitions(connection)
        for existing, missing in (
            (arguments.small, arguments.small),
            (arguments.large, arguments.large - arguments.small),
        ):
            for start in range(0, missing, 1_000_000):
                show(connection, min(1_000_000, missing - start), settled=True)
            connection.execute("VACUUM ANALYZE bandit_lists")
            connection.execute("CHECKPOINT")
            speeds = [consume_all(url, connection, arguments.events, 1000, 1) for _ in range(arguments.repeat)]
            cost[existing] = 1e6 / median(speeds)
            advance()
    return cost


def _of(speed: dict[tuple[str, str], float], size: int) -> float:
    """One durable consumer's speed as a share of COPY with the log's checks and indexes."""
    return speed[f"consumer, batch {size:,}, 1 at once", DURABLE] / speed[COPY_INDEXED, DURABLE]


def _bound(speed: dict[tuple[str, str], float], reading: float) -> float:
    """The speed, as a share of bare COPY, of reading JSON and writing the log only; `reading` in ms of 1,000 events."""
    milliseconds = reading + 1e6 / speed[COPY_INDEXED, DURABLE]
    return 1e6 / milliseconds / speed[COPY, DURABLE]


def report(
    rows: Sequence[Row], spent: dict[str, float], growth: dict[int, float], arguments: argparse.Namespace
) -> str:
    """The table, with ratios to the two baselines of the same kind of commit."""
    speed = {(row.what, row.commits): row.speed for row in rows}
    lines = [
        "# The consumer's speed",
        "",
        f"`{COMMAND}` on {os.cpu_count()} cores; medians of {arguments.repeat} runs, in events per second.",
        "Machines differ: read the ratios.",
        "",
        f"| | {' | '.join(f'{commits} | × naive | of COPY' for commits in COMMITS)} |",
        f"|{'---|' * (1 + 3 * len(COMMITS))}",
    ]
    for what in dict.fromkeys(row.what for row in rows):
        cells = [what]
        for commits in COMMITS:
            own = speed[what, commits]
            cells += [
                f"{own:,.0f}",
                f"{own / speed[NAIVE, commits]:,.1f}",
                f"{own / speed[COPY, commits]:.1%}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    small, large = growth
    commit = 1000 / speed[NAIVE, DURABLE] - 1000 / speed[NAIVE, OFF]
    return "\n".join(
        [
            *lines,
            "",
            f"A durable commit costs about {commit:.1f} ms here (naive, durable less sync off). The naive way pays one",
            "for every event, so its durable ratio says as much of the disk as of the consumer: in the columns in the",
            "middle PostgreSQL waits 4 ms before each flush, as a disk or a storage network of that latency would.",
            "",
            "Of the COPY that keeps the log's checks and indexes too, one consumer's durable batches of 1,000 reach",
            f"{_of(speed, 1000):.1%}, those of 10,000 {_of(speed, 10_000):.1%}.",
            "",
            "Cost of a batch of 1,000 as the table grows: "
            f"{growth[small]:.1f} ms with {small:,} events there, {growth[large]:.1f} ms with {large:,}: "
            f"{growth[large] / growth[small]:.2f} ×.",
            "",
            "The time of a durable batch of 1,000 by step. COPY does none of these steps: it does not search for the",
            "impression, refuse repeated messages, write an index, or update the impression and its cell.",
            "",
            *(f"- {milliseconds:.1f} ms: {step}" for step, milliseconds in spent.items()),
            "",
            "A consumer that only read its JSON and COPYed the messages into this log would reach "
            f"{_bound(speed, spent[READING]):.0%} of the bare COPY.",
            "",
        ]
    )
