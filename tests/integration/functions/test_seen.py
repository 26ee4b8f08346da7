"""What a page reports as seen, from the route to the tables: places that nobody saw count nowhere."""

from datetime import timedelta

from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.verification import first_difference

from functions.feedback.ingest import Seen, as_messages
from tests.builders import EPOCH, RULE, Impression, show

SOON = EPOCH + timedelta(minutes=1)


def test_only_places_that_were_seen_have_an_outcome_and_are_in_the_sums(connection: Connection) -> None:
    lists = [[Impression(number, 1, place, place=place, silence="seen") for place in (1, 2, 3)] for number in (1, 2)]
    show(connection, [one for places in lists for one in places])
    seen = [lists[0][0].id, lists[0][2].id, lists[1][1].id]
    apply(connection, as_messages("seen", 1, Seen(user_id=1, event_ids=seen[:2]), SOON), RULE, SOON)
    settle(connection, SOON, RULE, SOON, 10)
    apply(connection, as_messages("seen", 1, Seen(user_id=1, event_ids=seen), SOON), RULE, SOON)  # one of them late
    rows = connection.execute("SELECT id, seen, outcome FROM recommendation_events ORDER BY id").fetchall()
    assert rows == [
        (one.id, one.id in seen, "failure" if one.id in seen else None) for places in lists for one in places
    ]
    assert connection.execute("SELECT sum(shown), sum(failures) FROM recommendation_activity").fetchone() == (3, 3)
    assert first_difference(connection) is None
