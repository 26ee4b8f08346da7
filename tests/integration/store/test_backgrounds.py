"""What was known of visitors when they came: only what no treatment can have changed, exactly once for each."""

from datetime import timedelta
from typing import Any

from bandit_selector.evidence.background import Adjustment, Background
from bandit_selector.store import backgrounds
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.retention import forget_user
from bandit_selector.store.showing import Key
from bandit_selector.store.verification import first_difference, rebuild

from tests.builders import EPOCH, RULE, Impression, event_of, message, show

KEY = Key("salt", None)
LATER = EPOCH + timedelta(days=1)
BEFORE = EPOCH - timedelta(days=2)


def phase_of(connection: Connection, key: Key) -> int:
    row = connection.execute(
        "SELECT bandit_phase(%(salt)s, %(started)s::timestamptz, .5::real, %(at)s)", key.parameters | {"at": BEFORE}
    ).fetchone()
    assert row is not None
    return row[0]


def lists(connection: Connection, number: int, user: int, **about: Any) -> None:
    """A list of two movies, of which the first is clicked a minute later."""
    at = about.get("created_at", EPOCH)
    show(connection, [Impression(number, user, number * 10 + place, place=place, **about) for place in (1, 2)])
    click = message(number, at=at + timedelta(minutes=1), user_id=user, event_id=event_of(number, at))
    apply(connection, [click], RULE, LATER)


def without_a_test(connection: Connection, *numbers: int) -> None:
    connection.execute("UPDATE bandit_lists SET ab_group = NULL WHERE id & 65535 = ANY(%s)", [list(numbers)])


def known(connection: Connection, phase: int) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT user_id, shown, clicked, period FROM experiment_backgrounds WHERE phase = %s ORDER BY 1", [phase]
    ).fetchall()


def test_only_lists_from_times_without_a_test_are_known(connection: Connection) -> None:
    phase = phase_of(connection, KEY)
    lists(connection, 1, 1, created_at=BEFORE)
    without_a_test(connection, 1)
    lists(connection, 2, 1, created_at=BEFORE + timedelta(hours=1))  # of this salt, before it counted
    lists(connection, 3, 1, phase=phase, context_key="evening|weekday|regular")
    lists(connection, 4, 2, phase=phase)
    settle(connection, LATER, RULE, LATER, limit=10)
    assert backgrounds.read_newcomers(connection, KEY, [phase], independent=False) == 2
    assert known(connection, phase) == [(1, 2000, 1000, "evening"), (2, 0, 0, "night")]
    assert backgrounds.read_newcomers(connection, KEY, [phase], independent=False) == 0
    assert first_difference(connection) is None
    found = backgrounds.sums(connection, [phase])
    assert sum(one.visitors for one in found.values()) == 2
    assert Background(1, 2.0, 1.0, evening=1) in found.values()


def test_a_test_with_another_salt_is_known_where_the_server_assigns(connection: Connection) -> None:
    former, phase = phase_of(connection, Key("former", None)), phase_of(connection, KEY)
    lists(connection, 1, 1, created_at=BEFORE, phase=former)
    lists(connection, 2, 1, phase=phase)
    settle(connection, LATER, RULE, LATER, limit=10)
    backgrounds.read_newcomers(connection, KEY, [phase], independent=False)
    assert known(connection, phase) == [(1, 0, 0, "night")]
    connection.execute("DELETE FROM experiment_backgrounds")
    backgrounds.recompute(connection)
    backgrounds.read_newcomers(connection, KEY, [phase], independent=True)
    assert known(connection, phase) == [(1, 2000, 1000, "night")]


def test_backgrounds_are_rebuilt_and_forgotten(connection: Connection) -> None:
    phase = phase_of(connection, KEY)
    for user in (1, 2):
        lists(connection, user, user, created_at=BEFORE)
        lists(connection, 2 + user, user, phase=phase)
    without_a_test(connection, 1, 2)
    settle(connection, LATER, RULE, LATER, limit=10)
    backgrounds.read_newcomers(connection, KEY, [phase], independent=False)
    connection.execute("UPDATE experiment_background_sums SET shown = shown + 1")
    assert "stores a background of" in (first_difference(connection) or "")
    rebuild(connection)
    assert first_difference(connection) is None
    forget_user(connection, 1, LATER)
    assert first_difference(connection) is None
    assert known(connection, phase) == [(2, 2000, 1000, "night")]


def test_what_is_adjusted_is_decided_once(connection: Connection) -> None:
    assert backgrounds.adjustment(connection, KEY) is None
    backgrounds.fix_adjustment(connection, KEY, Adjustment(), LATER)
    backgrounds.fix_adjustment(connection, KEY, Adjustment(("earlier",), 0.2), LATER)
    assert backgrounds.adjustment(connection, KEY) == Adjustment()
