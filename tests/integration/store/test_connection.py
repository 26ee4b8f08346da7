"""A transaction is complete or rolled back at every kind of end, and its connection stays usable."""

import psycopg
import pytest
from bandit_selector.store.connection import Connection, connect, transaction
from psycopg import errors
from psycopg.pq import TransactionStatus


@pytest.fixture
def told(connection: Connection) -> Connection:
    """A connection to a table with unique numbers."""
    connection.execute("CREATE TABLE told (number integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
    return connection


def tell(connection: Connection, *numbers: int) -> None:
    for number in numbers:
        connection.execute("INSERT INTO told VALUES (%s)", [number])


def known(connection: Connection) -> list[int]:
    assert connection.info.transaction_status == TransactionStatus.IDLE
    return [number for (number,) in connection.execute("SELECT number FROM told ORDER BY 1")]


def test_what_a_statement_says_can_be_read_inside_and_afterwards(told: Connection) -> None:
    with transaction(told):
        tell(told, 1)
        assert told.execute("SELECT count(*) FROM told").fetchone() == (1,)
        tell(told, 2)
        last = told.execute("SELECT count(*) FROM told")
    assert last.fetchone() == (2,)
    assert known(told) == [1, 2]


def test_what_goes_wrong_here_undoes_what_the_server_did(told: Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        read_and_fail(told)
    assert known(told) == []


def read_and_fail(connection: Connection) -> None:
    with transaction(connection):
        tell(connection, 1)
        assert connection.execute("SELECT count(*) FROM told").fetchone() == (1,)
        tell(connection, 1 // 0)


@pytest.mark.parametrize("numbers", [(1, 2**40, 3), (1, 1)], ids=["a statement", "the commit"])
def test_what_goes_wrong_there_is_raised_and_undone(told: Connection, numbers: tuple[int, ...]) -> None:
    with pytest.raises((errors.NumericValueOutOfRange, errors.UniqueViolation)), transaction(told):
        tell(told, *numbers)
    assert known(told) == []


def test_a_lost_connection_is_raised_as_one(told: Connection, database_url: str) -> None:
    with connect(database_url) as doomed:
        with pytest.raises(psycopg.OperationalError):
            tell_and_go(doomed)
        assert doomed.closed
    assert known(told) == []


def tell_and_go(connection: Connection) -> None:
    with transaction(connection):
        tell(connection, 1)
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_statement_is_bounded_unless_it_may_take_all_the_time_it_needs(told: Connection, database_url: str) -> None:
    assert told.execute("SHOW statement_timeout").fetchone() == ("30s",)
    with connect(database_url, statement_seconds=0) as patient:
        assert patient.execute("SHOW statement_timeout").fetchone() == ("0",)
    with connect(database_url, statement_seconds=0.1) as hasty, pytest.raises(errors.QueryCanceled):
        hasty.execute("SELECT pg_sleep(5)")


def test_a_statement_that_comes_again_is_not_planned_again_where_one_plan_is_best(database_url: str) -> None:
    with connect(database_url, plan_once=True) as decided, connect(database_url) as undecided:
        assert (generic_plans(decided), generic_plans(undecided)) == (5, 0)


def generic_plans(connection: Connection) -> int:
    """Generic plans in ten runs: psycopg prepares for the last five, which the server replans by default."""
    for number in range(10):
        connection.execute("SELECT %s::integer", [number])
    row = connection.execute("SELECT sum(generic_plans) FROM pg_prepared_statements").fetchone()
    assert row is not None
    return int(row[0])
