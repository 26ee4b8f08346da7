"""When the service was last told something: by a reaction, whatever pages report of what was seen."""

from datetime import timedelta

from bandit_selector.store.connection import Connection
from bandit_selector.store.facts import heard
from bandit_selector.store.outcomes import apply

from tests.builders import EPOCH, RULE, Impression, event_of, message, show

HOUR = timedelta(hours=1)


def test_what_is_seen_does_not_hide_that_no_reaction_arrives(connection: Connection) -> None:
    shown = [Impression(number, created_at=EPOCH + number * HOUR) for number in range(4)]
    show(connection, shown)
    click = message(1, at=EPOCH, event_id=event_of(0))
    views = [
        message(1 + one.number, "seen", one.created_at + HOUR / 2, event_id=one.list_id * 64, seen=2) for one in shown
    ]
    apply(connection, [click, *views[1:]], RULE, EPOCH + 5 * HOUR)
    found = heard(connection, EPOCH + 5 * HOUR, timedelta(days=7))
    assert found.newest == EPOCH
    assert (sum(found.shown_since), sum(said for said, _ in found.before)) == (3, 1)
