"""Weekly tables are made and dropped under load without a reader waiting; a missing one never stops serving."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.retention import make_partitions, partitions_until, prune
from bandit_selector.store.verification import first_difference

from functions.feedback.settle import mend_partitions
from tests.builders import EPOCH
from tests.integration.archived import OLD, days_of, lived

NEXT = EPOCH.replace(hour=0) + timedelta(days=30)
FUTURE = datetime.now(UTC) + timedelta(days=60)  # beyond what the migration made
DUE = EPOCH.replace(hour=0) + timedelta(days=14)


def counted(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608 # names of this test
    return int(row[0]) if row else 0


def weeks(connection: Connection) -> None:
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [EPOCH, EPOCH + timedelta(days=21)])


def drop(connection: Connection, pause: Callable[[float], None]) -> None:
    list(prune(connection, DUE, pause))


def make(connection: Connection, pause: Callable[[float], None]) -> None:
    make_partitions(connection, FUTURE, pause)


@pytest.mark.parametrize("work", [drop, make])
def test_a_table_in_use_is_tried_again_and_no_reader_waits_behind_it(
    connection: Connection, database_url: str, work: Callable[[Connection, Callable[[float], None]], None]
) -> None:
    weeks(connection)
    lived(connection, days_of(10, per_day=1))
    refused, go_on = Event(), Event()

    def pause(_seconds: float) -> None:
        refused.set()
        assert go_on.wait(20)

    def run() -> None:
        with connect(database_url) as pruning:
            work(pruning, pause)

    worker = Thread(target=run)
    with connect(database_url) as reader, reader.transaction():
        assert counted(reader, "bandit_lists") == 10
        worker.start()
        assert refused.wait(20)
        with connect(database_url, statement_seconds=1) as third:
            assert counted(third, "bandit_lists") == 10  # a reader that waited would be cancelled after a second
            lived(third, days_of(1, at=NEXT))  # and so would a writer
    go_on.set()
    worker.join(20)
    assert not worker.is_alive()
    assert first_difference(connection) is None


def test_a_run_that_ends_while_it_waits_has_dropped_nothing(connection: Connection, database_url: str) -> None:
    def end(_seconds: float) -> None:
        raise TimeoutError

    weeks(connection)
    lived(connection, days_of(1))
    with connect(database_url) as reader, reader.transaction():
        counted(reader, "bandit_lists")
        with pytest.raises(TimeoutError):
            list(prune(connection, DUE, end))
    assert counted(connection, "bandit_lists_20260223") == counted(connection, "bandit_lists") == 3


def test_without_its_partition_a_list_is_served_from_the_default_and_moves_when_it_is_made(
    connection: Connection,
) -> None:
    lived(connection, days_of(3))
    assert counted(connection, "bandit_lists_default") == counted(connection, "bandit_lists") == 9
    assert counted(connection, "bandit_reactions_default") > 0
    known = connection.execute("SELECT * FROM bandit_archive_rows ORDER BY event_id").fetchall()
    made = make_partitions(connection, EPOCH, lambda _seconds: None, ahead=timedelta(days=400))
    assert made > 0
    assert counted(connection, "bandit_lists_default") == counted(connection, "bandit_reactions_default") == 0
    assert connection.execute("SELECT * FROM bandit_archive_rows ORDER BY event_id").fetchall() == known
    assert first_difference(connection) is None


def test_partitions_reach_fourteen_days_ahead(connection: Connection) -> None:
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [OLD, OLD])
    until = partitions_until(connection)
    assert until
    assert make_partitions(connection, until, lambda _seconds: None) > 0
    assert make_partitions(connection, until, lambda _seconds: None) == 0
    reached = partitions_until(connection)
    assert reached
    assert reached - until >= timedelta(days=14)


def test_a_missing_partition_is_made_within_a_minute(connection: Connection, database_url: str) -> None:
    lived(connection, days_of(3, at=FUTURE))
    assert counted(connection, "bandit_lists_default") == 9
    with closing(Database(lambda: database_url)) as database:
        mend_partitions(FUTURE, database)
    until = partitions_until(connection)
    assert until
    assert until >= FUTURE + timedelta(days=1)
    in_them = connection.execute("SELECT count(*) FROM bandit_lists WHERE created_at < %s", [until]).fetchone()
    assert counted(connection, "bandit_lists_default") == 9 - (in_them or (0,))[0] < 9
