"""Measures how many impressions a second one archive function carries: read, write, upload, read back, compare."""

import argparse
import resource
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bandit_selector.services.archive import Shelf, archive_day
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from bandit_selector.store.rule import Rule
from rich.progress import Progress

from benchmarks._server import server_url
from functions.archive.bucket import Bucket, shelf
from functions.archive.parquet import desk
from infra.local import site
from infra.local.emulation import aws

RESULT: Final = Path(__file__).parent / "results" / "archive.md"
DAY: Final = date(2026, 6, 1)
PLACES: Final = 30
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


def _archived(connection: Connection) -> tuple[dict[str, float], int]:
    """The seconds of each step, and the bytes of the files."""
    seconds: dict[str, float] = {}
    with desk() as one:
        server = aws.start(one.folder)
        try:
            server.await_answer()
            server.client("s3").create_bucket(
                Bucket="archive", CreateBucketConfiguration={"LocationConstraint": aws.REGION}
            )
            bucket = Bucket(server.client("s3"), "archive")
            begun = time.perf_counter()
            archive_day(
                connection,
                DAY,
                Rule.of(Settings()),
                datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(days=30),
                _timed(shelf(bucket, one), seconds),
            )
            seconds["all"] = time.perf_counter() - begun
        finally:
            server.stop()
    row = connection.execute(
        "SELECT sum((file->>'bytes')::bigint) FROM bandit_archives, jsonb_array_elements(files) AS file"
    )
    return seconds, int(row.fetchall()[0][0])


def _timed(kept: Shelf, seconds: dict[str, float]) -> Shelf:
    """The same shelf; `seconds` gets what its steps took."""

    def put(day: date, lines: Iterable[bytes]) -> Any:
        begun = time.perf_counter()
        files = kept.put(day, lines)
        seconds["read from PostgreSQL, write, upload"] = time.perf_counter() - begun
        return files

    def read(files: Any) -> Any:
        begun = time.perf_counter()
        found = kept.read(files)
        seconds["read back, add up"] = time.perf_counter() - begun
        return found

    return replace(kept, put=put, read=read)


def _report(rows: int, seconds: dict[str, float], size: int) -> str:
    rate = rows / seconds["all"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    lines = [
        f"`./dev bench archive --lists {rows // PLACES}`: a day of {rows:,} impressions on one laptop core or two.",
        "",
        "| step | s |",
        "|---|--:|",
        *(f"| {name} | {spent:.1f} |" for name, spent in seconds.items()),
        "",
        f"{rate:,.0f} impressions a second; {size / rows:.1f} bytes each in S3; {memory:.0f} MB of memory at most.",
        f"In the {NIGHT_SECONDS // 60} minutes of one night that is {rate * NIGHT_SECONDS / 1e6:,.0f} million "
        f"impressions: a load of {rate * NIGHT_SECONDS / PLACES / 86_400:,.0f} lists of {PLACES} a second all day.",
        "",
    ]
    return "\n".join(lines)
