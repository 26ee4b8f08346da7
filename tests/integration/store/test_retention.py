"""Removing events keeps what was learned, and the invariant with it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread
from time import sleep
from typing import Any

import pytest
from bandit_selector.feedback import new_message_id
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import apply, settle, take_turn
from bandit_selector.store.retention import forget_user, prune
from bandit_selector.store.verification import first_difference, rebuild
from hypothesis import HealthCheck, given, settings

from tests.builders import EPOCH, RULE, Impression, message, show, truncate
from tests.integration.histories import History, histories
from tests.integration.store.test_consumer import is_awaited

END = EPOCH + timedelta(days=30)
DAY = datetime(2026, 3, 6, tzinfo=UTC)
SAME_DATABASE = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def live(connection: Connection, history: History) -> None:
    truncate(connection)
    connection.execute("UPDATE bandit_retention SET complete_from = '-infinity'")
    show(connection, history.impressions)
    apply(connection, history.messages, RULE, END)
    settle(connection, END, RULE, END, 1000)


def learned(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT context_key, algorithm, alpha, beta, total_pulls FROM bandit_states ORDER BY 1, 2"
    ).fetchall()


@SAME_DATABASE
@given(history=histories())
def test_pruning_removes_old_events_and_changes_no_count(connection: Connection, history: History) -> None:
    live(connection, history)
    before = learned(connection)
    list(prune(connection, DAY, sleep))
    old = connection.execute("SELECT count(*) FROM recommendation_events WHERE created_at < %s", [DAY]).fetchone()
    assert old == (0,)
    assert learned(connection) == before
    assert first_difference(connection) is None


@SAME_DATABASE
@given(history=histories())
def test_a_prune_that_stops_after_a_batch_leaves_the_invariant(connection: Connection, history: History) -> None:
    live(connection, history)
    next(prune(connection, DAY, sleep), None)
    assert first_difference(connection) is None


@SAME_DATABASE
@given(history=histories())
def test_a_forgotten_visitor_leaves_only_what_was_learned(connection: Connection, history: History) -> None:
    live(connection, history)
    before = learned(connection)
    forget_user(connection, 1, END)
    forget_user(connection, 1, EPOCH)  # once more, by a clock that lags
    apply(connection, history.messages, RULE, END)  # a queue delivers them again
    rows = connection.execute(
        "SELECT (SELECT count(*) FROM recommendation_events WHERE user_id = 1)"
        " + (SELECT count(*) FROM feedback_events WHERE user_id = 1)"
        " + (SELECT count(*) FROM experiment_visitors WHERE user_id = 1)"
    ).fetchone()
    assert rows == (0,)
    assert learned(connection) == before
    assert first_difference(connection) is None


@pytest.mark.parametrize("held", ["SELECT FROM bandit_lists FOR UPDATE", "SELECT FROM bandit_states FOR UPDATE"])
def test_a_visitor_who_is_shown_a_list_while_being_forgotten_leaves_no_trace_of_others(
    connection: Connection, database_url: str, held: str
) -> None:
    """Once before the lists are locked, and once after: then the consumer waits with the new list locked."""
    old, new = Impression(1), Impression(2, created_at=EPOCH + timedelta(hours=1))
    show(connection, [old])
    apply(connection, [message(1, event_id=old.id)], RULE, END)
    settle(connection, END, RULE, END, 1000)
    with connect(database_url) as holder, connect(database_url) as forgetting, connect(database_url) as consuming:
        steps = [
            Thread(target=forget_user, args=(forgetting, 1, EPOCH)),
            Thread(target=apply, args=(consuming, [message(2, event_id=new.id, at=new.created_at)], RULE, END)),
        ]
        with holder.transaction():
            holder.execute(held.encode())
            steps[0].start()
            sleep(0.2)
            show(connection, [new])
            steps[1].start()
            sleep(0.2)
        for step in steps:
            step.join()
    left = connection.execute("SELECT id FROM bandit_lists").fetchall()
    assert left == ([] if "lists" in held else [(new.list_id,)])
    assert connection.execute("SELECT list_id FROM bandit_unsettled").fetchall() == left
    reactions = connection.execute("SELECT event_id >> 6 FROM bandit_reactions").fetchall()
    assert reactions == connection.execute("SELECT event_id >> 6 FROM feedback_events").fetchall() == left
    assert first_difference(connection) is None


@pytest.mark.parametrize("about", [{"event_id": Impression(1).id}, {"movie_id": 1}], ids=str)
def test_a_message_that_is_being_counted_while_its_visitor_is_forgotten_goes_too(
    connection: Connection, database_url: str, about: dict[str, Any]
) -> None:
    show(connection, [Impression(1)])
    late = message(1, at=EPOCH + timedelta(minutes=1), **about)
    with (
        connect(database_url) as holder,
        connect(database_url) as forgetting,
        connect(database_url) as consuming,
        ThreadPoolExecutor(2) as pool,
    ):
        with holder.transaction():
            take_turn(holder, alone=False)  # as another consumer does
            forgotten = pool.submit(forget_user, forgetting, 1, END)
            while not is_awaited(connection):
                assert not forgotten.done()
            batch = pool.submit(apply, consuming, [late], RULE, END)
            sleep(0.2)
        assert forgotten.result(30) == 1
        batch.result(30)
    assert connection.execute("SELECT message_id FROM feedback_events").fetchall() == []


@pytest.mark.parametrize("held", ["bandit_lists", "bandit_reactions", "feedback_events"])
def test_what_is_left_in_no_week_is_pruned_without_a_wait_for_who_counts(
    connection: Connection, database_url: str, held: str
) -> None:
    show(connection, [Impression(1)])
    apply(connection, [message(1, at=EPOCH + timedelta(minutes=1), movie_id=1)], RULE, END)
    settle(connection, END, RULE, END, 1000)
    with connect(database_url) as holder, connect(database_url, statement_seconds=2) as pruning:
        with holder.transaction():
            holder.execute(f"SELECT FROM {held} FOR NO KEY UPDATE".encode())
            list(prune(pruning, DAY, sleep))
            assert first_difference(connection) is None
        list(prune(pruning, DAY, sleep))
    for table in ("bandit_lists", "bandit_reactions", "feedback_events"):
        assert connection.execute(f"SELECT FROM {table}".encode()).rowcount == 0
    assert first_difference(connection) is None


def test_a_message_whose_clock_was_slow_stays_as_long_as_its_list(connection: Connection) -> None:
    monday = datetime(2026, 3, 9, tzinfo=UTC)
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [monday - timedelta(days=7), monday])
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [monday, monday + timedelta(days=7)])
    show(connection, [shown := Impression(1, created_at=monday + timedelta(minutes=1))])
    click = message(1, at=monday + timedelta(minutes=2), event_id=shown.id)
    slow = new_message_id(monday - timedelta(minutes=3), Random(1))
    apply(connection, [click.model_copy(update={"message_id": slow})], RULE, monday + timedelta(minutes=3))
    settle(connection, END, RULE, END, 1000)
    assert first_difference(connection) is None
    list(prune(connection, monday, sleep))
    assert first_difference(connection) is None
    list(prune(connection, monday + timedelta(days=7), sleep))
    assert connection.execute("SELECT count(*) FROM feedback_events").fetchone() == (0,)


def test_only_whole_days_are_pruned(connection: Connection) -> None:
    with pytest.raises(ValueError, match="whole UTC days"):
        next(prune(connection, DAY + timedelta(hours=1), sleep))


@SAME_DATABASE
@given(history=histories())
def test_a_wrong_count_is_named_and_rebuilt(connection: Connection, history: History) -> None:
    live(connection, history)
    before = learned(connection)
    connection.execute("UPDATE bandit_states SET alpha = alpha + 1, total_successes = total_successes + 1")
    if before:
        assert str(before[0][0]) in (first_difference(connection) or "")
    assert rebuild(connection) == len(before)
    assert learned(connection) == before
    assert first_difference(connection) is None
