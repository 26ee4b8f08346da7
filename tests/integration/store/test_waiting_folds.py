"""A batch that waits for a list's lock goes on from what the lock's last holder has committed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import apply, lock_lists, settle, take_turn
from bandit_selector.store.verification import first_difference

from tests.builders import EPOCH, RULE, Impression, event_of, message, show
from tests.integration.store.test_consumer import is_awaited

END = EPOCH + timedelta(days=30)
LATER = EPOCH + timedelta(minutes=2)
Work = Callable[[Connection], object]
Sessions = tuple[Connection, Connection]


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    """Two more connections to the test's database."""
    with closing(connect(database_url)) as first, closing(connect(database_url)) as second:
        yield first, second


def reacts(number: int, action: str = "click", **about: Any) -> Work:
    return lambda own: apply(own, [message(number, action, LATER, event_id=event_of(1), **about)], RULE, END)


def sees(number: int) -> Work:
    return lambda own: apply(own, [message(number, "seen", LATER, event_id=event_of(1) & ~63, seen=2)], RULE, END)


def settles(own: Connection) -> object:
    return settle(own, END, RULE, END, limit=10)


WAITING = {"rates": reacts(3, "rating", rating=5.0), "sees": sees(5)}
MEANWHILE = {
    "clicks": reacts(1),
    "dislikes": reacts(2, "thumbs_down"),
    "sees": sees(6),
    "settles": settles,
    "delivers the same": reacts(3, "rating", rating=5.0),
}


@pytest.mark.parametrize("silence", ["shown", "seen"])
@pytest.mark.parametrize("known", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("waiting", WAITING)
def test_a_batch_that_waits_for_a_list_counts_from_what_was_committed_meanwhile(
    connection: Connection, sessions: Sessions, waiting: str, meanwhile: str, known: bool, silence: str
) -> None:
    show(connection, [Impression(1, movie_id=1, silence=silence)])
    if known:
        reacts(4, "thumbs_up")(connection)
    holder, other = sessions
    with ThreadPoolExecutor(1) as pool:
        holder.execute("BEGIN")
        holder.in_transaction = True  # what it does until COMMIT is one transaction
        lock_lists(holder, [Impression(1).list_id])
        batch = pool.submit(WAITING[waiting], other)
        while not is_awaited(connection):
            assert not batch.done()
        MEANWHILE[meanwhile](holder)
        holder.execute("COMMIT")
        holder.in_transaction = False
        batch.result(30)
    assert first_difference(connection) is None
    settles(connection)
    assert first_difference(connection) is None


def test_who_settles_waits_for_other_writers_only_where_messages_move(
    connection: Connection, sessions: Sessions
) -> None:
    unnamed, newer = message(1, at=LATER, movie_id=1), Impression(2, movie_id=1, created_at=LATER)
    show(connection, [Impression(1, movie_id=1)])
    apply(connection, [unnamed], RULE, END)
    writer, other = sessions
    with ThreadPoolExecutor(1) as pool:
        with writer.transaction():
            take_turn(writer, alone=False)
            assert settles(other) == 1
        show(connection, [newer])  # visible only now
        with writer.transaction():
            take_turn(writer, alone=False)
            settling = pool.submit(settles, other)
            while not is_awaited(connection):
                assert not settling.done()
        assert settling.result(30) == 1
    moved = connection.execute("SELECT event_id FROM feedback_events").fetchall()
    assert moved == [(newer.list_id * 64 + 1,)]
    assert first_difference(connection) is None


@pytest.mark.parametrize(("silence", "is_alone"), [("seen", True), ("shown", False)])
def test_a_batch_is_alone_where_it_counts_places_that_are_seen_after_their_silence_was_a_failure(
    connection: Connection, sessions: Sessions, silence: str, is_alone: bool
) -> None:
    show(connection, [Impression(1, movie_id=1, silence=silence)])
    settles(connection)
    writer, other = sessions
    with ThreadPoolExecutor(1) as pool:
        with writer.transaction():
            take_turn(writer, alone=False)
            batch = pool.submit(sees(1), other)
            while not is_awaited(connection) and not batch.done():
                pass
            assert batch.done() != is_alone
        batch.result(30)
    assert first_difference(connection) is None
