"""A test's phases: one for each planned share, and each visitor counts once, in the first of them."""

from datetime import UTC, datetime, timedelta

from bandit_selector.evidence.planning import Weeks
from bandit_selector.evidence.split import Arrivals
from bandit_selector.settings import Settings
from bandit_selector.store import phases
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import settle
from bandit_selector.store.phases import Span
from bandit_selector.store.showing import Key
from bandit_selector.store.verification import first_difference

from tests.builders import EPOCH, RULE, Impression, show

KEY = Key("salt", None)
LATER = EPOCH + timedelta(days=3)


def begin(connection: Connection, share: float, key: Key = KEY, at: datetime = EPOCH) -> int | None:
    row = connection.execute(
        "SELECT bandit_phase(%(salt)s, %(started)s::timestamptz, %(share)s::real, %(at)s)",
        key.parameters | {"share": share, "at": at},
    ).fetchone()
    assert row is not None
    return row[0]


def test_a_share_that_changes_begins_a_phase_and_one_that_returns_goes_on(connection: Connection) -> None:
    tenth, half = begin(connection, 0.1), begin(connection, 0.5)
    assert tenth != half
    assert begin(connection, 0.1) == tenth
    assert [one.phase for one in phases.phases(connection, KEY)] == [tenth, half]
    assert begin(connection, 0.5, Key("other salt", None)) not in {tenth, half}


def test_before_its_start_a_test_has_no_phase(connection: Connection) -> None:
    assert begin(connection, 0.5, Key("salt", EPOCH + timedelta(hours=1))) is None


def test_a_start_within_a_day_is_the_next_midnight() -> None:
    asked = datetime(2026, 3, 1, 18, tzinfo=UTC)
    assert Settings(experiment_start=asked).experiment_begins == datetime(2026, 3, 2, tzinfo=UTC)
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    assert Settings(experiment_start=midnight).experiment_begins == midnight


def test_a_visitor_of_both_groups_and_phases_counts_once_in_whatever_order_lists_are_settled(
    connection: Connection,
) -> None:
    tenth, half = begin(connection, 0.1), begin(connection, 0.5)
    early = [Impression(1, 1, 1, "hybrid_control", phase=tenth), Impression(2, 2, 2, "bandit_svd", phase=tenth)]
    late = [
        Impression(3, 1, 3, "bandit_svd", created_at=EPOCH + timedelta(days=1), phase=half),
        Impression(4, 3, 4, "hybrid_fallback", created_at=EPOCH + timedelta(days=1), phase=half),
    ]
    span = Span([tenth or 0, half or 0], EPOCH.date(), LATER.date())
    for part in (late, early):
        show(connection, part)
        settle(connection, LATER, RULE, LATER, limit=10)
        assert first_difference(connection) is None
    week = timedelta(days=7)
    assert phases.last_weeks(connection, span, (EPOCH + week).date()) == Weeks((0, 3), (0, 4))
    assert phases.last_weeks(connection, span, (EPOCH + week + timedelta(days=1)).date()) == Weeks((2, 1), (2, 2))
    assert phases.last_weeks(connection, span, EPOCH.date()) == Weeks((0, 0), (0, 0))
    shares = {tenth or 0: 0.1, half or 0: 0.5}
    assert phases.arrivals(connection, span, shares) == [Arrivals(0.1, 1, 1), Arrivals(0.5, 1, 0)]
    assert phases.fallbacks(connection, span) == 1
