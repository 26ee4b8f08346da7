"""Feedback counts once: any order, duplicates, batches and number of consumers give the same tables."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.verification import first_difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import EPOCH, RULE, Impression, event_of, message, show, truncate
from tests.integration.histories import History, histories, tables, truth

END = EPOCH + timedelta(days=30)
SAME_DATABASE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def empty(connection: Connection) -> None:
    truncate(connection)


def settle_all(connection: Connection) -> None:
    while settle(connection, END, RULE, END, limit=3):
        pass


def at_once(tasks: Sequence[Callable[[], Any]]) -> None:
    """Runs the tasks in threads that start together; the first exception is raised here."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            task()
        except BaseException as failure:  # raised below, in the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@SAME_DATABASE
@given(history=histories(), data=st.data())
def test_any_order_of_impressions_and_messages_with_any_duplicates_and_splits_ends_in_the_same_tables(
    connection: Connection, history: History, data: st.DataObject
) -> None:
    empty(connection)
    repeated = data.draw(st.lists(st.sampled_from(history.messages), max_size=10)) if history.messages else []
    for step in data.draw(st.permutations([*history.lists, *history.messages, *repeated])):
        if isinstance(step, tuple):
            show(connection, step)
        else:
            size = data.draw(st.integers(0, 3))
            apply(connection, [step, *repeated[:size]], RULE, END)
        if data.draw(st.integers(0, 5)) == 0:
            settle(connection, END, RULE, END, limit=2)
    settle_all(connection)
    assert tables(connection) == truth(history)
    assert first_difference(connection) is None


@SAME_DATABASE
@given(history=histories(), data=st.data())
def test_consumers_that_interleave_end_in_the_same_tables(
    connection: Connection, database_url: str, history: History, data: st.DataObject
) -> None:
    empty(connection)
    consumers = data.draw(st.integers(2, 4))
    show(connection, history.impressions)
    shares: list[list[Message]] = [
        data.draw(st.permutations(history.messages)) if data.draw(st.booleans()) else list(history.messages[start::2])
        for start in (0, 1, *(0,) * (consumers - 2))
    ]
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(database_url)) for _ in range(consumers)]

        def consume(own: Connection, share: Sequence[Message]) -> None:
            for start in range(0, len(share), 3):
                apply(own, share[start : start + 3], RULE, END)
                settle(own, END, RULE, END, limit=2)

        at_once([lambda own=own, share=share: consume(own, share) for own, share in zip(opened, shares, strict=True)])
    settle_all(connection)
    assert tables(connection) == truth(history)
    assert first_difference(connection) is None


def test_two_consumers_with_the_same_message_count_it_once(connection: Connection, database_url: str) -> None:
    show(connection, [Impression(number, movie_id=number) for number in range(1, 201)])
    clicks = [message(number, event_id=event_of(number)) for number in range(1, 201)]
    with connect(database_url) as first, connect(database_url) as second:
        at_once([lambda: apply(first, clicks, RULE, END), lambda: apply(second, clicks[::-1], RULE, END)])
    assert connection.execute("SELECT alpha, beta, total_pulls FROM bandit_states").fetchall() == [(201, 1, 200)]
