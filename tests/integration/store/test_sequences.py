"""Nothing takes numbers from a sequence in vain: a sequence at its end must not stop the counting."""

from datetime import timedelta

from bandit_selector.services.publish import publish
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import apply, settle

from tests.builders import EPOCH, RULE, Impression, event_of, learn_cell, message, show

LAST = 2**31 - 1


def taken(connection: Connection) -> int:
    row = connection.execute("SELECT last_value FROM bandit_states_id_seq").fetchone()
    return int(row[0]) if row else 0


def test_idle_publications_take_no_number(connection: Connection) -> None:
    learn_cell(connection, "svd", 3, 2)
    publish(connection, Settings())
    before = taken(connection), connection.execute("SELECT last_value FROM bandit_posterior_version").fetchone()
    for _ in range(10):
        connection.execute("UPDATE bandit_posteriors SET published_at = published_at - interval '2 seconds'")
        publish(connection, Settings())
    after = taken(connection), connection.execute("SELECT last_value FROM bandit_posterior_version").fetchone()
    assert after == before


def test_feedback_counts_in_known_cells_when_the_sequence_is_at_its_end(connection: Connection) -> None:
    show(connection, [Impression(number) for number in (1, 2, 3)])
    apply(connection, [message(1, event_id=event_of(1))], RULE, EPOCH)
    connection.execute("SELECT setval('bandit_states_id_seq', %s)", [LAST])
    apply(connection, [message(2, event_id=event_of(2))], RULE, EPOCH)
    settle(connection, EPOCH + timedelta(hours=1), RULE, EPOCH + timedelta(hours=1), limit=10)
    assert connection.execute("SELECT alpha, beta FROM bandit_states").fetchall() == [(3, 2)]
