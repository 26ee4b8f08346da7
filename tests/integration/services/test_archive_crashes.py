"""Wherever a nightly run stops, each impression is in the tables or in an archive that counts."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from bandit_selector.services.archive import Shelf
from bandit_selector.store import archives
from bandit_selector.store.connection import Connection
from bandit_selector.store.verification import first_difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.archive.bucket import Bucket
from tests.builders import EPOCH, Impression, truncate
from tests.integration.archived import OLD, archived, in_tables, lived, night, read


class Stop(BaseException):
    """The process ends here."""


STEPS = ("put", "uploaded", "read", "recorded")


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
