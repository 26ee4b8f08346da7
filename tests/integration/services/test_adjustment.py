"""A test after weeks without one: what visitors did in them sharpens it, and the answer says how many that saves."""

from datetime import UTC, datetime, timedelta

import numpy as np
from bandit_selector.feedback import Message
from bandit_selector.services.experiment import experiment_with_contexts, renew_test
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.verification import first_difference

from tests.builders import RULE, Impression, message, show

START = datetime(2026, 3, 9, tzinfo=UTC)
NOW = START + timedelta(days=8, hours=9)
VISITORS = 500
SETTINGS = Settings(planned_lift=0.5, planned_ctr=0.2)


def live(connection: Connection, phase: int) -> None:
    """Each visitor has a list before the test and two in it, with the same own chance of a click."""
    rng = np.random.default_rng(3)
    chance = rng.beta(0.6, 2.4, VISITORS)
    shown: list[Impression] = []
    for visit, at in enumerate((START - timedelta(days=9), START + timedelta(hours=9), START + timedelta(days=4))):
        for user in range(1, VISITORS + 1):
            moment = at + timedelta(minutes=user)
            algorithm = "hybrid_control" if user % 2 or not visit else "bandit_svd"
            number = visit * VISITORS + user
            shown += [
                Impression(
                    number, user, place, algorithm, created_at=moment, place=place, phase=phase if visit else None
                )
                for place in range(1, 11)
            ]
    show(connection, shown)
    connection.execute("UPDATE bandit_lists SET ab_group = NULL WHERE created_at < %s", [START])
    clicks = [_click(number, one) for number, one in enumerate(shown) if rng.random() < chance[one.user_id - 1]]
    for first in range(0, len(clicks), 1_000):
        apply(connection, clicks[first : first + 1_000], RULE, NOW)
    settle(connection, NOW, RULE, NOW, limit=10_000)


def _click(number: int, one: Impression) -> Message:
    return message(number, at=one.created_at + timedelta(minutes=1), user_id=one.user_id, event_id=one.id)


def test_the_answer_says_what_is_adjusted_and_how_many_visitors_that_saves(database_url: str) -> None:
    with connect(database_url) as connection:
        connection.execute("SELECT bandit_make_partitions(%s, %s)", [START - timedelta(days=14), NOW])
        row = connection.execute(
            "SELECT bandit_phase(%s, '-infinity', .5::real, %s)", [SETTINGS.experiment_salt, START]
        ).fetchone()
        assert row is not None
        live(connection, row[0])
        before = experiment_with_contexts(connection, SETTINGS, NOW)
        renew_test(connection, NOW, SETTINGS)
        after = experiment_with_contexts(connection, SETTINGS, NOW)
        assert first_difference(connection) is None
    assert (before.sample_size.adjusted_for, before.sample_size.saved_users) == ([], 0)
    assert before.sample_size.planned_users is None
    assert after.sample_size.planned_users is not None
    assert after.sample_size.adjusted_for == ["earlier"]
    assert after.sample_size.saved_users > 100
    assert f"it is as exact as with {after.sample_size.saved_users:,} more visitors per group" in after.notes[-1]
    assert after.groups == before.groups
    old, new = before.metrics["ctr"].lift, after.metrics["ctr"].lift
    assert old is not None
    assert new is not None
    assert new.percent_high - new.percent_low < 0.85 * (old.percent_high - old.percent_low)
