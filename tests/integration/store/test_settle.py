"""Settling: bounded transactions, one `settle` at a time, and later feedback replaces silence."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from bandit_selector.feedback import Message
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.locks import Lock
from bandit_selector.store.outcomes import TURNS, apply, lock_lists, settle
from bandit_selector.store.verification import first_difference

from functions.feedback.settle import BATCH, settle_due
from tests.builders import EPOCH, RULE, Impression, event_of, message, show

SETTINGS = Settings()
WEEK = timedelta(days=7)
SOON = EPOCH + timedelta(minutes=11)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def shown(connection: Connection, count: int, over: timedelta = timedelta(), silence: str = "shown") -> None:
    """Impressions 1…count of one arm, spread evenly over `over` from EPOCH on."""
    show(
        connection,
        [
            Impression(n, n % 500, n, created_at=EPOCH + (n - 1) * over / count, silence=silence)
            for n in range(1, count + 1)
        ],
    )


def click(number: int) -> Message:
    return message(number, at=EPOCH + timedelta(hours=1), user_id=number % 500, event_id=event_of(number))


def outcomes(connection: Connection) -> dict[str | None, int]:
    return dict(connection.execute("SELECT outcome, count(*) FROM recommendation_events GROUP BY outcome").fetchall())


def cell(connection: Connection) -> tuple[float, ...]:
    row = connection.execute(
        "SELECT alpha, beta, total_pulls FROM bandit_states WHERE algorithm = 'svd' AND total_pulls > 0"
    ).fetchone()
    return row or (1, 1, 0)


def always() -> bool:
    return True


def test_silence_becomes_failure_only_when_its_time_is_over(connection: Connection, database: Database) -> None:
    shown(connection, 10)
    assert settle_due(EPOCH + timedelta(minutes=10), SETTINGS, database, always) == 0
    assert settle_due(SOON, SETTINGS, database, always) == 10
    assert (outcomes(connection), cell(connection)) == ({"failure": 10}, (1, 11, 10))


def test_a_later_click_converts_a_silent_impression(connection: Connection, database: Database) -> None:
    shown(connection, 10)
    settle_due(SOON, SETTINGS, database, always)
    apply(connection, [click(3)], RULE, SOON)
    assert (outcomes(connection), cell(connection)) == ({"failure": 9, "success": 1}, (2, 10, 10))
    assert settle_due(SOON + WEEK, SETTINGS, database, always) == 0
    assert first_difference(connection) is None


def test_a_week_of_standing_still_is_caught_up_with_in_bounded_transactions(
    connection: Connection, database: Database
) -> None:
    shown(connection, 2 * BATCH + 100, over=WEEK)
    assert settle_due(EPOCH + WEEK + timedelta(hours=1), SETTINGS, database, always) == 2 * BATCH + 100
    written = connection.execute("SELECT count(*) FROM bandit_lists GROUP BY xmin::text").fetchall()
    assert len(written) == TURNS
    assert max(written) <= (BATCH,)  # rows written by each transaction
    assert cell(connection) == (1, 1 + 2 * BATCH + 100, 2 * BATCH + 100)
    assert first_difference(connection) is None


def test_when_the_functions_time_is_up_the_rest_waits_for_the_next_minute(
    connection: Connection, database: Database
) -> None:
    shown(connection, BATCH + 100)
    looks = iter([True])
    settled = settle_due(SOON, SETTINGS, database, lambda: next(looks, False))
    assert 0 < settled <= BATCH
    assert settle_due(SOON, SETTINGS, database, always) == BATCH + 100 - settled


def test_settling_full_pages_of_lists_touches_no_index(connection: Connection, database: Database) -> None:
    connection.execute(
        """
        WITH list AS (
            INSERT INTO bandit_lists
                (id, created_at, user_id, first_position, context_key, silence, algorithm, movie_ids, scores)
            SELECT bandit_list_id(%(at)s), %(at)s, n, 1, 'morning|weekday|regular', 'shown', 'hybrid_control',
                array_fill(n, ARRAY[places]), array_fill(0.5::real, ARRAY[places])
            FROM unnest(ARRAY[10, 30, 50]) AS places, generate_series(1, 500) AS n
            RETURNING id, created_at
        )
        INSERT INTO bandit_unsettled SELECT id, created_at FROM list
        """,
        {"at": EPOCH},
    )
    assert settle_due(SOON, SETTINGS, database, always) == 1_500
    database.close()  # a session tells its counts at its end; before PostgreSQL 15 they arrive a moment later
    until = time.monotonic() + 10
    while updates(connection)[0] < 1_500 and time.monotonic() < until:
        time.sleep(0.05)
    assert updates(connection) == (1_500, 1_500)


def updates(connection: Connection) -> tuple[int, int]:
    """How many rows of lists were updated, and for how many of them no index was."""
    row = connection.execute(
        "SELECT sum(n_tup_upd)::int, sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname ~ '^bandit_lists'"
    ).fetchone()
    return row or (0, 0)


def test_two_that_settle_at_once_settle_each_list_once(connection: Connection, database_url: str) -> None:
    shown(connection, 1_000)
    start = threading.Barrier(2)
    settled = [0, 0]

    def settle_some(number: int) -> None:
        with connect(database_url) as own:
            start.wait()
            while remaining(own):
                settled[number] += settle(own, SOON, RULE, SOON, limit=50)

    threads = [threading.Thread(target=settle_some, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(settled) == 1_000
    assert cell(connection) == (1, 1_001, 1_000)


def remaining(connection: Connection) -> bool:
    return (
        connection.execute("SELECT FROM recommendation_events WHERE settled_at IS NULL LIMIT 1").fetchone() is not None
    )


def test_while_one_settles_another_does_nothing_and_waits_for_nothing(
    connection: Connection, database_url: str
) -> None:
    shown(connection, 10)
    with connect(database_url, statement_seconds=1) as other, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.SETTLE])
        lock_lists(connection, [Impression(number).list_id for number in range(1, 6)])
        assert settle(other, SOON, RULE, SOON, limit=5) == 0
    assert settle(connection, SOON, RULE, SOON, limit=5) == 5


def test_with_silence_off_only_what_visitors_say_counts(connection: Connection, database: Database) -> None:
    guide = Settings(silence_counts_after=None)
    shown(connection, 10, silence="off")
    apply(connection, [click(1)], Rule.of(guide), SOON)
    assert settle_due(SOON, guide, database, always) == 10
    assert (outcomes(connection), cell(connection)) == ({None: 9, "success": 1}, (2, 1, 1))
    apply(connection, [click(2)], Rule.of(guide), SOON)
    assert (outcomes(connection), cell(connection)) == ({None: 8, "success": 2}, (3, 1, 2))


def test_feedback_received_before_its_impression_was_visible_is_found_by_settling(
    connection: Connection, database: Database
) -> None:
    assert apply(connection, [click(1)], RULE, SOON).unattributed == 1
    shown(connection, 2)
    assert settle_due(SOON, SETTINGS, database, always) == 2
    assert (outcomes(connection), cell(connection)) == ({"failure": 1, "success": 1}, (2, 2, 2))
    lost = connection.execute("SELECT count(*) FROM feedback_events WHERE event_id IS NULL").fetchone()
    assert lost == (0,)
