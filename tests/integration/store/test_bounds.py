"""The bound of a visitor's weight in SQL: the rule of evidence/bound, kept exact by whoever changes a total."""

from datetime import timedelta

import numpy as np
import pytest
from bandit_selector.evidence.bound import Bound, weighed
from bandit_selector.store.bounds import in_force, put_in_force, sample
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.retention import forget_user
from bandit_selector.store.verification import first_difference, rebuild

from tests.builders import EPOCH, RULE, Impression, event_of, message, show

LATER = EPOCH + timedelta(days=1)
BOUND = Bound(places=4, rate=0.2)


@pytest.mark.parametrize(("shown", "clicked"), [(0, 0), (3, 3), (4, 0), (50, 50), (1_000, 130)])
def test_sql_has_the_rule_of_the_product(connection: Connection, shown: int, clicked: int) -> None:
    row = connection.execute(
        "SELECT over_shown, over_clicked FROM bandit_excess(%s, %s, %s, %s)", [shown, clicked, BOUND.places, BOUND.rate]
    ).fetchone()
    n, x = weighed(np.array([float(shown)]), np.array([float(clicked)]), BOUND)
    assert row == pytest.approx((1000 * (shown - n[0]), 1000 * (clicked - x[0])), abs=1)


def test_what_exceeds_the_bound_follows_every_change(connection: Connection) -> None:
    lists = [Impression(number, user_id=1 + number % 3 // 2, movie_id=number) for number in range(1, 13)]
    show(connection, lists[:9])
    settle(connection, LATER, RULE, LATER, limit=100)
    assert sorted(sample(connection, 0)) == [(3, 0), (6, 0)]
    put_in_force(connection, 0, BOUND, LATER)
    assert in_force(connection, 0) == BOUND
    assert first_difference(connection) is None
    clicks = [message(one.number, at=LATER, user_id=one.user_id, event_id=event_of(one.number)) for one in lists]
    apply(connection, clicks[:9], RULE, LATER)
    show(connection, lists[9:])
    settle(connection, LATER, RULE, LATER, limit=100)
    assert first_difference(connection) is None
    total = connection.execute("SELECT sum(shown), sum(clicked) > 0 FROM experiment_excess").fetchone()
    assert total == (1000 * (8 - BOUND.places), True)
    rebuild(connection)
    assert first_difference(connection) is None
    forget_user(connection, 1, LATER)
    assert first_difference(connection) is None
    assert connection.execute("SELECT sum(shown) FROM experiment_excess").fetchone() == (0,)
