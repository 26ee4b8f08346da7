"""Two jobs never wait for one another because they share a lock's number."""

from datetime import UTC, datetime

from bandit_selector.store.candidates import replace_candidates
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.locks import Lock
from bandit_selector.store.outcomes import settle

from tests.builders import EPOCH, RULE, Impression, show


def test_every_job_has_a_lock_of_its_own() -> None:
    numbers = [int(lock) for lock in Lock.__members__.values()]
    assert len(numbers) == len(set(numbers)) >= 5


def test_settling_goes_on_while_candidate_lists_are_built(connection: Connection, database_url: str) -> None:
    show(connection, [Impression(1)])
    with connect(database_url) as builder, builder.transaction():
        replace_candidates(builder, ["svd"], [], [], datetime.now(UTC))
        assert settle(connection, EPOCH.replace(year=2027), RULE, EPOCH, limit=10) == 1
