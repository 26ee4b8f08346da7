"""The sums that analytics reads: exact after every change, and `verify` sees when they are not."""

from datetime import UTC, datetime, timedelta
from time import sleep

import pytest
from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.retention import forget_user, prune
from bandit_selector.store.verification import first_difference, first_recent_difference, rebuild

from tests.builders import EPOCH, RULE, Impression, message, show
from tests.integration.histories import KEYS

SHOWN = tuple(
    Impression(number, number % 3, number, ("bandit_svd", "hybrid_control")[number % 2], KEYS[0], EPOCH + hours)
    for number, hours in enumerate((timedelta(hours=1.5 * step) for step in range(24)), start=1)
)


def click(number: int, received: timedelta) -> Message:
    return message(number, at=EPOCH + received, user_id=number % 3, movie_id=number)


def totals(connection: Connection) -> tuple[object, ...] | None:
    return connection.execute("SELECT sum(shown), sum(clicked), sum(successes) FROM recommendation_activity").fetchone()


def visitors(connection: Connection, since: str) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(visitors), 0)::int FROM experiment_days WHERE day >= %s", [since]
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def settled(connection: Connection) -> Connection:
    show(connection, SHOWN)
    assert settle(connection, EPOCH + timedelta(days=3), RULE, EPOCH + timedelta(days=3), limit=100) == 24
    return connection


def test_impressions_count_from_the_moment_they_are_shown(connection: Connection) -> None:
    show(connection, SHOWN)
    assert totals(connection) == (24, 0, 0)
    assert first_difference(connection) is None
    settle(connection, EPOCH + timedelta(hours=12), RULE, EPOCH + timedelta(hours=13), limit=100)
    assert totals(connection) == (24, 0, 0)
    assert first_difference(connection) is None


def test_a_late_click_reaches_the_hour_its_movie_was_shown_in(settled: Connection) -> None:
    apply(settled, [click(1, timedelta(days=4))], RULE, EPOCH + timedelta(days=4))
    row = settled.execute("SELECT hour, clicked, failures FROM recommendation_hours WHERE clicked > 0").fetchone()
    assert row == (SHOWN[0].created_at.replace(minute=0), 1, 0)
    assert first_difference(settled) is None


def test_each_visitor_counts_once_however_often_seen(settled: Connection) -> None:
    """Three visitors, by their first list and its group, whatever they are shown later."""
    assert visitors(settled, "2026-03-01") == 3
    assert visitors(settled, "2026-03-02") == 0


def test_a_forgotten_visitor_leaves_every_sum(settled: Connection) -> None:
    forget_user(settled, 1, EPOCH + timedelta(days=9))
    assert first_difference(settled) is None
    assert totals(settled) == (16, 0, 0)
    assert visitors(settled, "2026-03-01") == 2


def test_sums_outlive_pruned_impressions(settled: Connection) -> None:
    list(prune(settled, datetime(2026, 3, 2, tzinfo=UTC), sleep))
    assert first_difference(settled) is None
    assert totals(settled) == (24, 0, 0)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE recommendation_hours SET clicked = clicked + 1 WHERE hour = '2026-03-02T03:00Z'",
        "DELETE FROM recommendation_hours WHERE hour = '2026-03-02T03:00Z'",
        "UPDATE experiment_days SET visitors = visitors + 1",
        "DELETE FROM experiment_days WHERE day = '2026-03-02'",
        "DELETE FROM experiment_contexts WHERE day = '2026-03-02'",
        "UPDATE experiment_contexts SET clicked = clicked + 1",
        "UPDATE experiment_visitors SET shown = shown + 1",
        "UPDATE experiment_visitors SET first_list = first_list + 1",
        "INSERT INTO experiment_excess VALUES (0, 'control', 3, 1000, 0)",
        "UPDATE bandit_lists SET silence = 'off'",
    ],
)
def test_a_sum_that_does_not_follow_from_the_impressions_is_named(settled: Connection, tampering: str) -> None:
    settled.execute(tampering.encode())
    assert "but" in (first_difference(settled) or "")
    rebuild(settled)
    assert first_difference(settled) is None


def test_a_change_that_is_committed_after_the_days_verification_is_verified_the_next_day(
    settled: Connection, database_url: str
) -> None:
    with connect(database_url) as other:
        with other.transaction():
            other.execute("UPDATE recommendation_hours SET clicked = clicked + 1, changed_at = clock_timestamp()")
            assert first_recent_difference(settled, datetime.now(UTC)) is None
        assert "but its lists give" in (first_recent_difference(settled, datetime.now(UTC)) or "")
