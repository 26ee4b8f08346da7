"""The queue's consumer on a real database: faults of one message, faults of a batch, and the cost of a batch."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from bandit_selector.errors import DatabaseUnavailable
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.outcomes import apply, lock_lists
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.feedback.handler import consume
from tests.builders import EPOCH, RULE, Impression, event_of, message, show, truncate
from tests.integration.events import queue_event

SETTINGS = Settings()
SAME_DATABASE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(lambda: database_url, statement_seconds=1)) as opened:
        yield opened


def click(number: int, **more: Any) -> str:
    moment = (EPOCH + timedelta(minutes=1)).isoformat()
    document = {"message_id": str(UUID(int=number)), "action": "click", "user_id": 1, "event_id": event_of(number)}
    return json.dumps(document | {"occurred_at": moment, "received_at": moment} | more)


def shown(connection: Connection, count: int) -> None:
    show(connection, [Impression(n, movie_id=n) for n in range(1, count + 1)])


def counted(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(total_pulls), 0) FROM bandit_states").fetchone()
    return row[0] if row else 0


def is_awaited(connection: Connection) -> bool:
    """Whether a session waits for a lock in this database."""
    return bool(
        connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).rowcount
    )


def fates(connection: Connection) -> dict[int, str | None]:
    rows = connection.execute("SELECT message_id, reason FROM feedback_events").fetchall()
    return {message_id.int: reason for message_id, reason in rows}


def test_what_cannot_be_read_fails_alone(connection: Connection, database: Database) -> None:
    shown(connection, 2)
    event = queue_event(click(1), "{", click(2), click(3, version=2), click(4, rating=3))
    failures = consume(event, database, SETTINGS)["batchItemFailures"]
    assert [failure["itemIdentifier"] for failure in failures] == ["record-1", "record-3", "record-4"]
    assert counted(connection) == 2


moments = st.datetimes(timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))))


@SAME_DATABASE
@given(occurred=moments, received=moments, event_id=st.integers(-1, 2**64), rating=st.none() | st.floats())
def test_no_message_that_can_be_read_fails_its_neighbours(
    connection: Connection,
    database: Database,
    occurred: datetime,
    received: datetime,
    event_id: int,
    rating: float | None,
) -> None:
    truncate(connection)
    shown(connection, 1)
    odd = {"occurred_at": occurred.isoformat(), "received_at": received.isoformat(), "event_id": event_id}
    odd |= {"action": "click" if rating is None else "rating", "rating": rating}
    answer = consume(queue_event(click(1), click(2, **odd)), database, SETTINGS)
    assert {"itemIdentifier": "record-0"} not in answer["batchItemFailures"]
    assert counted(connection) == 1
    connection.execute("SELECT occurred_at, received_at FROM feedback_events").fetchall()  # Python can read it back


def test_a_database_that_is_away_fails_the_whole_batch_for_sqs_to_deliver_again() -> None:
    nowhere = Database(lambda: "postgresql://postgres@127.0.0.1:1/postgres")
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        consume(queue_event(click(1), "{"), nowhere, SETTINGS)


def test_a_batch_that_waits_too_long_for_a_lock_leaves_nothing_and_succeeds_when_it_comes_again(
    connection: Connection, database: Database
) -> None:
    shown(connection, 2)
    with connection.transaction():
        lock_lists(connection, [Impression(2).list_id])
        with pytest.raises(DatabaseUnavailable, match="statement timeout"):
            consume(queue_event(click(1), click(2)), database, SETTINGS)
    assert fates(connection) == {}
    assert consume(queue_event(click(1), click(2)), database, SETTINGS) == {"batchItemFailures": []}
    assert counted(connection) == 2


def test_a_batch_that_loses_a_deadlock_leaves_nothing_and_succeeds_when_it_comes_again(
    connection: Connection, database_url: str
) -> None:
    shown(connection, 2)
    event = queue_event(click(1), click(2))
    with closing(Database(lambda: database_url)) as database, ThreadPoolExecutor(1) as pool:
        database.read(lambda own: own.execute("SET deadlock_timeout = '50ms'"))
        with connection.transaction():  # the reverse of the consumers' order: impression 2 first
            connection.execute("SET LOCAL deadlock_timeout = '1min'")
            lock_lists(connection, [Impression(2).list_id])
            batch = pool.submit(consume, event, database, SETTINGS)
            while not is_awaited(connection):
                pass
            lock_lists(connection, [Impression(1).list_id])
            with pytest.raises(DatabaseUnavailable, match="deadlock"):
                batch.result(30)
        assert fates(connection) == {}
        consume(event, database, SETTINGS)
    assert counted(connection) == 2


def test_a_server_that_has_become_read_only_is_left_for_the_one_that_writes(
    connection: Connection, database: Database
) -> None:
    shown(connection, 1)
    database.run(lambda own: own.execute("SET default_transaction_read_only = on"))  # as after a failover
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        consume(queue_event(click(1)), database, SETTINGS)
    consume(queue_event(click(1)), database, SETTINGS)
    assert counted(connection) == 1


def test_a_connection_that_was_ended_between_two_batches_costs_one_retry(
    connection: Connection, database: Database
) -> None:
    shown(connection, 2)
    consume(queue_event(click(1)), database, SETTINGS)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(DatabaseUnavailable):
        consume(queue_event(click(2)), database, SETTINGS)
    consume(queue_event(click(2)), database, SETTINGS)
    assert counted(connection) == 2


def test_each_message_without_an_impression_is_kept_with_its_reason(connection: Connection, database: Database) -> None:
    shown(connection, 2)
    late = (EPOCH + timedelta(days=7, seconds=1)).isoformat()
    early = (EPOCH - timedelta(seconds=1)).isoformat()
    event = queue_event(
        click(1),
        click(2, user_id=2),
        click(3),
        click(4, event_id=event_of(2), received_at=late),
        click(5, event_id=None, movie_id=2, received_at=late),
        click(6, event_id=None, movie_id=2, received_at=early),
    )
    assert consume(event, database, SETTINGS) == {"batchItemFailures": []}
    assert fates(connection) == {
        1: None,
        2: "foreign_impression",
        3: "unknown_impression",
        4: "outside_window",
        5: "unknown_impression",
        6: "unknown_impression",
    }
    assert counted(connection) == 1


@pytest.mark.parametrize("size", [1, 10, 1_000, 10_000])
def test_a_batch_costs_one_transaction_of_two_statements_whatever_its_size(
    connection: Connection, database_url: str, size: int
) -> None:
    shown(connection, size)
    messages = [message(number, event_id=event_of(number)) for number in range(1, size + 1)]
    log: list[str] = []
    with connect(database_url) as consumer:
        consumer.execute("SET log_statement = 'all'")
        consumer.execute("SET client_min_messages = 'log'")  # the server logs every statement
        consumer.add_notice_handler(lambda said: log.append((said.message_primary or "")[:40]))
        assert apply(consumer, messages, RULE, EPOCH).new == size
    sent = [line for line in log if line.startswith(("statement:", "execute"))]
    assert len(sent) == 4, sent  # BEGIN, two statements, COMMIT
    assert counted(connection) == size


@pytest.mark.parametrize("pooled", [False, True], ids=["a session of its own", "within a pooled transaction"])
def test_a_batch_with_messages_that_come_again_counts_the_others(
    connection: Connection, database_url: str, pooled: bool
) -> None:
    shown(connection, 5)
    messages = [message(number, event_id=event_of(number)) for number in range(1, 6)]
    with closing(Database(lambda: database_url, pooled=pooled)) as opened:
        assert opened.run(lambda own: apply(own, messages[:2], RULE, EPOCH)).new == 2
        assert opened.run(lambda own: apply(own, [*messages, messages[4]], RULE, EPOCH)).new == 3
    assert counted(connection) == 5


def test_plans_that_were_made_over_empty_tables_read_by_index(connection: Connection, database_url: str) -> None:
    connection.execute("VACUUM ANALYZE bandit_lists, bandit_reactions, feedback_events")  # known to be empty
    shown(connection, 1)
    before = read_whole(connection)
    with connect(database_url, plan_once=True) as consumer:
        for number in range(1, 10):
            apply(consumer, [message(number, event_id=event_of(1))], RULE, EPOCH)
        consumer.execute("SELECT pg_stat_force_next_flush()")
        assert read_whole(connection) == before


def test_no_reaction_that_changes_is_compared_with_all_others(connection: Connection) -> None:
    """The statement within bandit_react, planned for any parameters: a thousand changed minds are a usual batch."""
    row = connection.execute("SELECT prosrc, proargnames[:6] FROM pg_proc WHERE proname = 'bandit_react'").fetchone()
    assert row
    body, names = row[0].partition("RETURN QUERY")[2].rpartition(";\nEND")[0], row[1]
    for number, name in enumerate(names, 1):
        body = re.sub(rf"(?<![\w.]){name}(?!\w)", f"${number}", body)
    connection.execute("SET plan_cache_mode = force_generic_plan")
    connection.execute("SET enable_seqscan = off")
    connection.execute(
        f"PREPARE folding (bigint[], timestamptz, timestamptz, timestamptz, float8, float8) AS {body}".encode()
    )
    rows = connection.execute("EXPLAIN EXECUTE folding ('{1}', now(), now(), now(), 4, 2)").fetchall()
    plan = "\n".join(line for (line,) in rows)
    assert "Insert on bandit_reactions" in plan
    assert "Join Filter" not in plan, plan


def read_whole(connection: Connection) -> int:
    """How often a partition of lists, reactions or messages was read from end to end."""
    row = connection.execute(
        "SELECT sum(seq_scan) FROM pg_stat_user_tables"
        " WHERE relname ~ '^(bandit_lists|bandit_reactions|feedback_events)_'"
    ).fetchone()
    return int(row[0]) if row else 0
