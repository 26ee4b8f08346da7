"""What a batch of messages writes, without the rule that says what: the least a consumer takes; see `./dev bench path`.

Each message's row in the log with its indexes, its list read and locked once, its reaction, and the cells: on the
product's tables, from the queue's JSON on. Every message names its impression, and all are taken at their word.
"""

from collections.abc import Sequence
from datetime import datetime

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.feedback_rule import ids
from bandit_selector.store.messages import WRITTEN, columns
from bandit_selector.store.outcomes import lock_lists

from benchmarks._path_ways import Product


class Bare(Product):
    """The same tables, written and nothing else."""

    def apply(self, connection: Connection, messages: Sequence[Message], now: datetime) -> object:
        with transaction(connection):
            connection.execute(
                """
                INSERT INTO feedback_events
                    (message_id, message_time, user_id, movie_id, claimed_event_id, action, rating, seen, occurred_at,
                     received_at, event_id)
                SELECT m.message_id, bandit_message_time(m.message_id), m.user_id, m.movie_id, m.event_id, m.action,
                    m.rating, m.seen, m.occurred_at, m.received_at, m.event_id
                FROM ("""  # noqa: S608 # ours
                + WRITTEN
                + """
                ) AS m ORDER BY m.message_id ON CONFLICT (message_time, message_id) DO NOTHING
                """,
                columns(messages),
            )
            lock_lists(connection, {message.event_id >> 6 for message in messages if message.event_id})
            connection.execute(
                """
                INSERT INTO bandit_reactions (event_id, shown_at, clicked_at, outcome)
                SELECT id, bandit_second(id >> 6), %s, 'success' FROM unnest(%s::bigint[]) AS id
                """,
                [now, ids(sorted({message.event_id for message in messages if message.event_id}))],
            )
            return connection.execute(
                "UPDATE bandit_states SET total_pulls = total_pulls + 7, total_successes = total_successes + 7,"
                " alpha = alpha + 7 WHERE position('|' IN context_key) > 0"
            )
