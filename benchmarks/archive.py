"""Measures how many impressions a second one archive function carries: read, write, upload, read back, compare."""

import argparse
import os
import resource
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, ParamSpec, TypeAlias, TypeVar

from bandit_selector.services.archive import archive_day
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.migrate import migrate
from rich.progress import Progress

from benchmarks._server import server_url
from functions.archive.bucket import Bucket, shelf
from functions.archive.parquet import desk
from infra.local import site
from infra.local.emulation import aws

RESULT: Final = Path(__file__).parent / "results" / "archive.md"
DAY: Final = date(2026, 6, 1)
PLACES: Final = 30
ALL: Final = "all, with the tables' sums"
Spent: TypeAlias = dict[str, tuple[float, float, float]]
P = ParamSpec("P")
T = TypeVar("T")
NIGHT_SECONDS: Final = 720  # of the function's 15 minutes, what is used before the next night goes on


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench archive", description=__doc__)
    parser.add_argument("--lists", type=int, default=86_400, help="lists of the day, 30 places each")
    lists: int = parser.parse_args(argv).lists
    with server_url() as url, connect(url, statement_seconds=0) as connection, Progress() as bar:
        task = bar.add_task("making a day, archiving it", total=2)
        _make(connection, lists)
        bar.advance(task)
        report = _report(lists * PLACES, *_archived(connection))
        bar.advance(task)
    RESULT.write_text(report)
    print(report)
    return 0


def _make(connection: Connection, lists: int) -> None:
    """One day of settled lists by six arms; every hundredth impression was clicked."""
    site.create_tables(connection)
    migrate(connection)
    connection.execute(
        """
        INSERT INTO bandit_lists (id, created_at, user_id, posterior_version, settled_at, first_position, context_key,
            ab_group, silence, arms, drawn, movie_ids, scores, propensities)
        SELECT (extract(epoch FROM at)::bigint - 1735689600 << 16) | (n & 65535), at, 1 + mod(n * 7919, 100000), n / 60,
            at + interval '10 minutes', 1,
            (ARRAY['morning', 'afternoon', 'evening', 'night'])[1 + mod(n, 4)] || '|weekday|regular',
            'treatment', 'shown',
            ARRAY['svd', 'embeddings', 'graph', 'item_cf', 'long_tail', 'serendipity'],
            decode(repeat('010203040506', %(places)s / 6), 'hex'),
            ARRAY(SELECT 1 + mod(n * 31 + p * 977, 20000) FROM generate_series(1, %(places)s) AS p),
            ARRAY(SELECT (mod(n * 13 + p * 7, 10007) / 10007.0)::real FROM generate_series(1, %(places)s) AS p),
            ARRAY(SELECT (1 / (2.0 + mod(n + p, 11)))::real FROM generate_series(1, %(places)s) AS p)
        FROM generate_series(1, %(lists)s) AS n
        CROSS JOIN LATERAL (
            SELECT %(day)s::timestamptz + n * (interval '23 hours 59 minutes' / %(lists)s) AS at
        ) AS shown
        """,
        {"places": PLACES, "lists": lists, "day": datetime.combine(DAY, datetime.min.time(), UTC)},
    )
    connection.execute(
        """
        INSERT INTO bandit_reactions (event_id, shown_at, clicked_at, outcome)
        SELECT id * 64 + 1 + mod(id, %(places)s), bandit_second(id), bandit_second(id) + interval '1 minute', 'success'
        FROM bandit_lists WHERE mod(hashint8(id), 10) < 3
        """,
        {"places": PLACES},
    )
    connection.execute("VACUUM ANALYZE bandit_lists, bandit_reactions")


def _archived(connection: Connection) -> tuple[Spent, int]:
    """What each step took, and the bytes of the files."""
    spent: Spent = {}
    now = datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(days=30)
    with desk() as one, _bucket(one.folder) as bucket:
        kept = shelf(bucket, one)
        clock = _Clock(connection.info.backend_pid, spent)
        steps = replace(
            kept,
            put=clock.timed(kept.put, "read, write, upload"),
            read=clock.timed(kept.read, "read back, add up"),
        )
        clock.timed(archive_day, ALL)(connection, DAY, Rule.of(Settings()), now, steps)
    row = connection.execute(
        "SELECT sum((file->>'bytes')::bigint) FROM bandit_archives, jsonb_array_elements(files) AS file"
    )
    return spent, int(row.fetchall()[0][0])


@contextmanager
def _bucket(folder: Path) -> Generator[Bucket]:
    """An empty bucket of a moto server that runs beside this."""
    server = aws.start(folder)
    try:
        server.await_answer()
        s3 = server.client("s3")
        s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": aws.REGION})
        yield Bucket(s3, "archive")
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class _Clock:
    """Notes in `spent` the seconds of each step, and the processor time of this process and of one backend (Linux)."""

    backend: int
    spent: Spent

    def timed(self, step: Callable[P, T], name: str) -> Callable[P, T]:
        """The same step, which notes its times."""

        def timed(*arguments: P.args, **keywords: P.kwargs) -> T:
            begun = self._now()
            try:
                return step(*arguments, **keywords)
            finally:
                wall, cpu, backend = (now - then for now, then in zip(self._now(), begun, strict=True))
                self.spent[name] = (wall, cpu, backend)

        return timed

    def _now(self) -> tuple[float, float, float]:
        fields = Path(f"/proc/{self.backend}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return time.perf_counter(), time.process_time(), ticks / os.sysconf("SC_CLK_TCK")


def _report(rows: int, spent: Spent, size: int) -> str:
    wall, cpu, backend = spent[ALL]
    rate = rows / (cpu + backend)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    lines = [
        f"`./dev bench archive --lists {rows // PLACES}`: a day of {rows:,} impressions, on a machine with other work.",
        "",
        "| step | s | of a core, in the function | of a core, in PostgreSQL |",
        "|---|--:|--:|--:|",
        *(f"| {name} | {wall:.1f} | {cpu:.1f} | {backend:.1f} |" for name, (wall, cpu, backend) in spent.items()),
        "",
        f"{rate:,.0f} impressions a second of processor time, both sides together ({rows / wall:,.0f} a second by this "
        f"machine's clock);",
        f"{size / rows:.1f} bytes each in S3; {memory:.0f} MB of memory at most.",
        f"In {NIGHT_SECONDS // 60} minutes that is {rate * NIGHT_SECONDS / 1e6:,.0f} million impressions: "
        f"{rate * NIGHT_SECONDS / PLACES / 86_400:,.0f} lists of {PLACES} a second all day.",
        "",
    ]
    return "\n".join(lines)
