"""A demo in trouble: the lists of an arm stay lost, whatever the nightly builder makes."""

from datetime import UTC, datetime

from bandit_selector.store.candidates import replace_candidates
from bandit_selector.store.connection import Connection

from infra.local.demo.trouble import ARM, lose_lists

AT = datetime(2026, 3, 1, 3, tzinfo=UTC)


def build(connection: Connection, movie: int) -> set[str]:
    """Lists of two arms for visitor 1; the arms of which serving has a list then."""
    lists = [(1, arm, [movie], [1.0]) for arm in (ARM, "svd")]
    replace_candidates(connection, [ARM, "svd"], lists, [(movie, 1, True)], AT)
    row = connection.execute("SELECT arms FROM bandit_candidates WHERE user_id = 1").fetchone()
    return set(row[0]) if row else set()


def test_the_lists_of_an_arm_are_lost_and_no_later_build_brings_them_back(connection: Connection) -> None:
    assert build(connection, 5) == {ARM, "svd"}
    lose_lists(connection)
    assert build(connection, 6) == {"svd"}
