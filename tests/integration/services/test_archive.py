"""A day that can no longer change is archived, read back, and only then dropped."""

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bandit_selector.errors import ArchiveFailed
from bandit_selector.services import archive
from bandit_selector.services.archive import Shelf
from bandit_selector.store import archives
from bandit_selector.store.archives import COLUMNS
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.verification import first_difference

from functions.archive import handler
from functions.archive.bucket import Bucket, shelf
from functions.archive.parquet import Desk
from tests.builders import EPOCH, Impression
from tests.integration.archived import (
    LATER,
    OLD,
    SETTINGS,
    archived,
    days_of,
    from_before_lists,
    in_tables,
    lived,
    night,
    read,
)

FIRST = EPOCH.date()
DAYS = [FIRST + timedelta(days=number) for number in range(3)]


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


def test_lists_that_are_not_settled_yet_are_settled_first(connection: Connection, kept: Shelf) -> None:
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
    assert (done.days, len(done.failures)) == ([], 4)
    assert in_tables(connection) == known


def test_a_day_with_more_in_the_tables_than_in_its_archive_is_kept_and_told(
    connection: Connection, kept: Shelf
) -> None:
    lived(connection, days_of(2))
    night(connection, kept)
    lived(connection, [Impression(90, 90, created_at=EPOCH + timedelta(days=1, hours=1))])
    done = night(connection, kept, OLD)
    assert f"more impressions of {DAYS[1]} than its archive" in done.failures[0]
    assert len(in_tables(connection)) == 13


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
