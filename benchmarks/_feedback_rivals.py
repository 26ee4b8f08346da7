"""The consumer's baselines (one transaction per event, and COPY), and the time of each of its own steps."""

import json
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from bandit_selector.feedback import Message, read_messages
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import apply

from benchmarks._feedback_load import as_batches

READING = "read the JSON of the event and of its messages"
STEPS = {"WITH message": "log each message, lock the lists, fold into reactions, move the cells: one statement"}


def naive(url: str, messages: Sequence[Message]) -> float:
    """Events per second, each: find the impression, update it, read the cell, write it back, commit."""
    with connect(url) as own:
        _make_rows(own, messages)
        start = time.perf_counter()
        for message in messages:
            _naively(own, message)
        return len(messages) / (time.perf_counter() - start)


def _make_rows(own: Connection, messages: Sequence[Message]) -> None:
    """One row a movie of the lists that these messages are about, in a table and indexes of version 1.0."""
    own.execute("CREATE TABLE IF NOT EXISTS naive_events (LIKE recommendation_events_set_aside INCLUDING ALL)")
    moments = [message.received_at for message in messages]
    own.execute(
        """
        INSERT INTO naive_events (id, user_id, movie_id, algorithm, position, context, created_at)
        SELECT id, user_id, movie_id, algorithm, position, context, created_at FROM recommendation_events
        WHERE created_at BETWEEN %s::timestamptz - interval '30 seconds' AND %s::timestamptz - interval '30 seconds'
        """,
        [min(moments), max(moments)],
    )


def _naively(own: Connection, message: Message) -> None:
    with own.transaction():
        row = own.execute(
            "SELECT id, context->>'context_key', substr(algorithm, 8) FROM naive_events"
            " WHERE user_id = %s AND movie_id = %s ORDER BY created_at DESC LIMIT 1",
            [message.user_id, message.movie_id],
        ).fetchone()
        assert row is not None  # noqa: S101 # the impression exists
        own.execute(
            "UPDATE naive_events SET clicked = true, clicked_at = %s WHERE id = %s",
            [message.occurred_at, row[0]],
        )
        state = own.execute(
            "SELECT id, alpha, total_pulls FROM naive_states WHERE context_key = %s AND algorithm = %s", row[1:]
        ).fetchone()
        if state is None:
            own.execute("INSERT INTO naive_states (context_key, algorithm, alpha) VALUES (%s, %s, 2)", row[1:])
        else:
            own.execute(
                "UPDATE naive_states SET alpha = %s, total_pulls = %s, updated_at = now() WHERE id = %s",
                [state[1] + 1, state[2] + 1, state[0]],
            )


def copy(connection: Connection, messages: Sequence[Message], times: int) -> float:
    """Rows per second of COPY into a logged table without indexes, from prepared text, each row `times` times."""
    connection.execute("DROP TABLE IF EXISTS copied")
    connection.execute("CREATE TABLE copied (LIKE feedback_events)")
    return _copied(connection, "".join(map(_as_line, messages)).encode() * times, len(messages) * times)


def copy_indexed(connection: Connection, messages: Sequence[Message]) -> float:
    """The same into a table with the log's checks and indexes."""
    connection.execute("DROP TABLE IF EXISTS copied")
    connection.execute("CREATE TABLE copied (LIKE feedback_events INCLUDING ALL)")
    return _copied(connection, "".join(map(_as_line, messages)).encode(), len(messages))


def _copied(connection: Connection, lines: bytes, count: int) -> float:
    start = time.perf_counter()
    with connection.cursor().copy("COPY copied FROM STDIN") as target:
        target.write(lines)
    return count / (time.perf_counter() - start)


def _as_line(m: Message) -> str:
    about = (m.message_id, m.received_at, m.user_id, m.movie_id, m.event_id, m.action, m.rating, m.seen)
    values = (*about, m.occurred_at, m.received_at)
    fields = ["\\N" if value is None else str(value) for value in (*values, None, "unknown_impression")]
    return "\t".join(fields) + "\n"


class Timed(Connection):
    """A connection that sums the time of statements by their first two words; it waits for each statement."""

    spent: "defaultdict[str, float]"

    @contextmanager
    def pipeline(self) -> Generator[Any]:
        yield

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        start = time.perf_counter()
        cursor = super().execute(query, *arguments, **options)
        self.spent[" ".join(str(query).split()[:2])] += time.perf_counter() - start
        return cursor


def parts(url: str, messages: Sequence[Message], size: int) -> dict[str, float]:
    """Mean milliseconds of each step of a durable batch; the commit is the remainder."""
    reading = _reading(as_batches(messages, size))
    with Timed.connect(url, autocommit=True) as own:
        own.spent = defaultdict(float)
        start = time.perf_counter()
        for at in range(0, len(messages), size):
            apply(own, messages[at : at + size], Rule.of(Settings()), messages[0].received_at)
        total = time.perf_counter() - start
        spent = {step: own.spent[words] for words, step in STEPS.items()}
    spent["commit, and Python's own part"] = total - sum(spent.values())
    return {step: 1000 * seconds * size / len(messages) for step, seconds in ({READING: reading} | spent).items()}


def _reading(batches: Sequence[str]) -> float:
    """Seconds to read the events' JSON and the messages in them."""
    start = time.perf_counter()
    for batch in batches:
        read_messages([record["body"] for record in json.loads(batch)["Records"]])
    return time.perf_counter() - start
