"""A day is dropped only after its archive was read back; a run that stops anywhere leaves no half archive."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from bandit_selector.errors import ArchiveFailed
from bandit_selector.services import archive
from bandit_selector.services.archive import Night, Shelf
from bandit_selector.store import archives
from bandit_selector.store.archives import COLUMNS
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.verification import first_difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from functions.archive import handler
from functions.archive.bucket import Bucket, shelf
from functions.archive.parquet import Desk, desk
from tests.builders import EPOCH, Impression, truncate
from tests.integration.archived import LATER, OLD, SETTINGS, days_of, from_before_lists, lived

NUMBERS = count()
FIRST = EPOCH.date()
DAYS = [FIRST + timedelta(days=number) for number in range(3)]


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    yield boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)
    server.stop()


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    """An empty bucket that keeps old versions, as the stack's does."""
    name = f"archive-{next(NUMBERS)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Bucket(s3, name)


@pytest.fixture
def at_desk() -> Iterator[Desk]:
    with desk() as one:
        yield one


@pytest.fixture
def kept(bucket: Bucket, at_desk: Desk) -> Shelf:
    return shelf(bucket, at_desk)


def night(connection: Connection, shelf: Shelf, now: datetime = LATER) -> Night:
    return archive.run(connection, now, SETTINGS, shelf, no_pause, lambda: True)


def no_pause(_seconds: float) -> None:
    raise AssertionError("Nothing else uses the tables, so nothing waits.")


def read(bucket: Bucket, folder: Path, day: date) -> list[tuple[Any, ...]]:
    """A day's rows, read as anybody's DuckDB reads them."""
    rows: list[tuple[Any, ...]] = []
    for key in bucket.keys(f"events/date={day}/"):
        bucket.get(key, folder / "read.parquet")
        rows += duck().read_parquet(str(folder / "read.parquet")).order("event_id").fetchall()
    return rows


@cache
def duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def archived(connection: Connection) -> list[tuple[date, int]]:
    return connection.execute("SELECT day, rows FROM bandit_archives ORDER BY day").fetchall()


def in_tables(connection: Connection) -> set[int]:
    return {event for (event,) in connection.execute("SELECT event_id FROM bandit_archive_rows")}


def test_a_day_is_archived_as_the_tables_have_it(
    connection: Connection, bucket: Bucket, kept: Shelf, tmp_path: Path
) -> None:
    lived(connection, days_of(3))
    done = night(connection, kept)
    assert (done.days, done.impressions, done.failures, done.dropped) == (DAYS, 36, [], [])
    assert archived(connection) == [(day, 12) for day in DAYS]
    since, until = archives.bounds(FIRST)
    wanted = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM bandit_archive_rows"  # noqa: S608 # the product's own names
        " WHERE created_at >= %s AND created_at < %s ORDER BY event_id".encode(),
        [since, until],
    ).fetchall()
    assert read(bucket, tmp_path, FIRST) == wanted
    outcomes = [dict(zip(COLUMNS, row, strict=True))["outcome"] for row in wanted]
    assert [outcomes.count(it) for it in ("success", "neutral", "failure")] == [1, 1, 10]
    assert night(connection, kept).days == []


def test_a_day_that_can_still_change_waits(connection: Connection, kept: Shelf) -> None:
    lived(connection, days_of(3))
    due = EPOCH.replace(hour=0) + timedelta(days=1 + 7 + 14)
    assert night(connection, kept, due - timedelta(seconds=1)).days == []
    assert night(connection, kept, due).days == [FIRST]


def test_lists_that_nobody_settled_are_settled_first(connection: Connection, kept: Shelf) -> None:
    lived(connection, days_of(1), settled=False)
    assert night(connection, kept).days == [FIRST]
    assert archives.unsettled(connection, LATER) == 0
    assert first_difference(connection) is None


def test_old_partitions_go_and_what_was_learned_stays(connection: Connection, kept: Shelf) -> None:
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [EPOCH, EPOCH + timedelta(days=14)])
    lived(connection, days_of(14, per_day=1))
    learned = connection.execute("SELECT context_key, alpha, beta FROM bandit_states").fetchall()
    done = night(connection, kept, OLD)
    assert {"bandit_lists_20260223", "bandit_reactions_20260302"} <= set(done.dropped)
    assert in_tables(connection) == set()
    assert connection.execute("SELECT context_key, alpha, beta FROM bandit_states").fetchall() == learned
    assert first_difference(connection) is None


def test_impressions_from_before_lists_are_archived_and_the_sites_own_rows_stay(
    connection: Connection, bucket: Bucket, kept: Shelf, tmp_path: Path
) -> None:
    from_before_lists(connection, EPOCH)
    lived(connection, days_of(1, per_day=1))
    assert night(connection, kept, OLD).failures == []
    old, *rest = (dict(zip(COLUMNS, row, strict=True)) for row in read(bucket, tmp_path, FIRST))
    assert len(rest) == 4
    assert [old[it] for it in ("list_id", "place", "position", "algorithm", "arm")] == [
        None,
        None,
        3,
        "bandit_svd",
        "svd",
    ]
    assert [old[it] for it in ("ab_group", "outcome", "propensity", "context_key")] == [
        "treatment", "success", 0.25, "night|weekday|regular",
    ]  # fmt: skip
    left = connection.execute("SELECT movie_id FROM recommendation_events").fetchall()
    assert left == [(8,)]


def test_a_bucket_that_is_down_keeps_everything(connection: Connection, kept: Shelf) -> None:
    def down(_day: date, _lines: object) -> Any:
        raise ArchiveFailed("The bucket did not answer.")

    lived(connection, days_of(3))
    known = in_tables(connection)
    done = night(connection, replace(kept, put=down), OLD)
    assert (done.days, len(done.failures)) == ([], 3)
    assert in_tables(connection) == known


def test_a_file_that_came_back_changed_counts_for_nothing(connection: Connection, bucket: Bucket, kept: Shelf) -> None:
    def spoiled(day: date, lines: Any) -> Any:
        files = kept.put(day, lines)
        bucket.s3.put_object(Bucket=bucket.name, Key=files[0].key, Body=b"not what was written")
        return files

    def short(day: date, lines: Any) -> Any:
        return kept.put(day, list(lines)[1:])

    lived(connection, days_of(1))
    for put, sentence in ((spoiled, "not the file that was written"), (short, "differs from the tables")):
        done = night(connection, replace(kept, put=put), OLD)
        assert sentence in done.failures[0]
        assert archived(connection) == []
        assert len(in_tables(connection)) == 12


def test_fewer_files_at_the_second_try_leave_none_of_the_first(
    connection: Connection, bucket: Bucket, kept: Shelf, tmp_path: Path
) -> None:
    lived(connection, days_of(1))
    bucket.s3.put_object(Bucket=bucket.name, Key=f"events/date={FIRST}/part-0007.parquet", Body=b"half")
    night(connection, kept)
    assert len(read(bucket, tmp_path, FIRST)) == 12


class Stop(BaseException):
    """The process ends here."""


STEPS = ("put", "uploaded", "read", "recorded")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shown=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)), min_size=1, max_size=5),
    stops=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 4)), max_size=2),
    partitioned=st.booleans(),
)
def test_wherever_a_run_stops_each_impression_is_in_the_tables_or_in_a_noted_archive(
    connection: Connection,
    bucket: Bucket,
    kept: Shelf,
    tmp_path: Path,
    shown: list[tuple[int, int]],
    stops: list[tuple[str, int]],
    partitioned: bool,
) -> None:
    truncate(connection)
    connection.execute("TRUNCATE bandit_archives")
    bucket.remove(bucket.keys("events/"))
    if partitioned:
        connection.execute("SELECT bandit_make_partitions(%s, %s)", [EPOCH, EPOCH + timedelta(days=21)])
    lived(
        connection,
        [
            Impression(number, number, place, created_at=EPOCH + timedelta(days=day), place=place)
            for number, (day, places) in enumerate(shown, start=1)
            for place in range(1, places + 1)
        ],
    )
    everything = in_tables(connection)
    for step, after in stops:
        with pytest.raises(Stop) if _reached(connection, after) else ExitStack():
            night(connection, _stopping(kept, step, after), OLD)
        assert everything == in_tables(connection) | _noted(connection, bucket, tmp_path)
        assert _whole(connection, bucket, tmp_path)
    assert night(connection, kept, OLD).failures == []
    assert in_tables(connection) == set()
    assert everything == _noted(connection, bucket, tmp_path)
    assert first_difference(connection) is None


def _reached(connection: Connection, after: int) -> bool:
    return len(archives.unarchived_days(connection, OLD.date())) > after


def _stopping(kept: Shelf, step: str, after: int) -> Shelf:
    """A shelf at which the process ends during the day number `after`, from 0."""
    days = count()

    def put(day: date, lines: Any) -> Any:
        number = next(days)
        if number == after and step == "put":
            next(iter(lines))
            raise Stop
        files = kept.put(day, lines)
        if number == after and step == "uploaded":
            raise Stop
        return [*files] if number != after or step != "read" else _Ending(files)

    def read(files: Any) -> Any:
        if isinstance(files, _Ending):
            raise Stop
        found = kept.read(files)
        if next(reads) == after and step == "recorded":
            raise Stop
        return found

    reads = count()
    return replace(kept, put=put, read=read)


class _Ending(list[Any]):
    """Files at whose reading the process ends."""


def _noted(connection: Connection, bucket: Bucket, folder: Path) -> set[int]:
    return {row[0] for day, _ in archived(connection) for row in read(bucket, folder, day)}


def _whole(connection: Connection, bucket: Bucket, folder: Path) -> bool:
    return all(len(read(bucket, folder, day)) == rows for day, rows in archived(connection))


def test_a_forgotten_visitor_is_in_no_file_and_no_old_version(
    connection: Connection, database_url: str, bucket: Bucket, kept: Shelf, tmp_path: Path
) -> None:
    lived(connection, days_of(3))
    night(connection, kept)
    with closing(Database(lambda: database_url)) as database:
        assert handler.forget(2, LATER, database, bucket) == 8  # four in the tables, four in the archive
        assert handler.forget(2, LATER, database, bucket) == 0
    assert archived(connection) == [(FIRST, 8), *((day, 12) for day in DAYS[1:])]
    assert {row[2] for day in DAYS for row in read(bucket, tmp_path, day)} == {1, *range(3, 10)}
    versions = bucket.s3.list_object_versions(Bucket=bucket.name, Prefix="events/")["Versions"]
    assert {it["IsLatest"] for it in versions} == {True}
    assert night(connection, kept, OLD).failures == []
    assert in_tables(connection) == set()


def test_a_day_of_one_visitor_alone_has_no_file_when_they_are_forgotten(
    connection: Connection, bucket: Bucket, kept: Shelf
) -> None:
    lived(connection, days_of(1, per_day=1))
    night(connection, kept)
    assert list(archive.forget(connection, 1, kept, LATER)) == [4, 4]
    assert bucket.keys("events/") == []
    assert archived(connection) == [(FIRST, 0)]


def test_many_rows_are_many_files(connection: Connection, bucket: Bucket, at_desk: Desk) -> None:
    lived(connection, days_of(1))
    five = shelf(bucket, Desk(at_desk.folder, rows_per_file=5))
    assert night(connection, five).failures == []
    assert [key[-17:] for key in bucket.keys("events/")] == [f"part-000{number}.parquet" for number in range(3)]


def test_the_nightly_event_archives(connection: Connection, database_url: str, bucket: Bucket, tmp_path: Path) -> None:
    lived(connection, days_of(1))
    with closing(Database(lambda: database_url)) as database:
        done = handler.run(LATER, SETTINGS, database, bucket, lambda: True)
    assert done["days"] == [str(FIRST)]
    assert len(read(bucket, tmp_path, FIRST)) == 12
