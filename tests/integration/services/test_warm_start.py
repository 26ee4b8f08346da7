"""A bandit that has a past does not start from nothing; and what it has learned outlives a change of its arms."""

import pytest
from bandit_selector.services.history import told_of
from bandit_selector.services.publish import publish
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.verification import first_difference

from tests.builders import learn_cell

SETTINGS = Settings()
CELL = "evening|weekday|regular"


def a_second_passes(connection: Connection) -> None:
    connection.execute("UPDATE bandit_memory SET aged_at = aged_at - interval '2 seconds'")


def published(connection: Connection, key: str = CELL) -> dict[str, tuple[float, float, float]]:
    rows = connection.execute(
        "SELECT algorithm, probability, alpha, beta FROM bandit_posteriors WHERE context_key = %s", [key]
    )
    return {arm: tuple(rest) for arm, *rest in rows}


def remembered(connection: Connection) -> dict[str, float]:
    rows = connection.execute(
        "SELECT algorithm, sum(discounted_successes + discounted_failures) FROM bandit_posteriors GROUP BY algorithm"
    )
    return dict(rows.fetchall())


def shadowed(connection: Connection, arm: str, successes: int, failures: int, key: str = CELL) -> None:
    connection.execute(
        "INSERT INTO bandit_shadow_arms VALUES ('2026-06-01', %s, %s, 1, 1, 1, 1, %s, %s)"
        " ON CONFLICT (day, context_key, arm) DO UPDATE SET successes = excluded.successes, failures ="
        " excluded.failures",
        [key, arm, successes, failures],
    )


def test_going_live_after_a_shadow_does_not_start_from_nothing(connection: Connection) -> None:
    shadowed(connection, "svd", 90, 210)
    shadowed(connection, "graph", 15, 285)
    publish(connection, SETTINGS)
    chances = published(connection)
    assert chances["svd"][0] > 0.3 > 1 / 6 > chances["graph"][0]
    assert remembered(connection)["svd"] == pytest.approx(200)
    assert connection.execute("SELECT count(*) FROM bandit_states").fetchone() == (0,)
    assert first_difference(connection) is None


def test_history_is_counted_once_and_follows_what_is_known(connection: Connection) -> None:
    shadowed(connection, "svd", 30, 70)
    publish(connection, SETTINGS)
    a_second_passes(connection)
    assert publish(connection, SETTINGS) is None
    assert remembered(connection)["svd"] == pytest.approx(100)
    shadowed(connection, "svd", 60, 340)
    a_second_passes(connection)
    publish(connection, SETTINGS)
    assert remembered(connection)["svd"] == pytest.approx(200)
    a_second_passes(connection)
    publish(connection, Settings(history_worth=0))
    assert remembered(connection)["svd"] == pytest.approx(0)


def test_outcomes_outweigh_history_that_was_wrong(connection: Connection) -> None:
    shadowed(connection, "svd", 150, 50)
    shadowed(connection, "graph", 2, 198)
    publish(connection, SETTINGS)
    learn_cell(connection, "svd", 100, 9900)
    learn_cell(connection, "graph", 2000, 8000)
    a_second_passes(connection)
    publish(connection, SETTINGS)
    assert published(connection)["graph"][0] > 0.6


def test_independent_cells_have_a_past_too(connection: Connection) -> None:
    shadowed(connection, "svd", 30, 70)
    publish(connection, Settings(policy="independent"))
    _, alpha, beta = published(connection)["svd"]
    assert (alpha, beta) == pytest.approx((31, 71))


def test_further_factors_keep_the_history_of_the_situation(connection: Connection) -> None:
    shadowed(connection, "svd", 30, 70)
    publish(connection, Settings.model_validate({"context_factors": "device:tv"}))
    rows = connection.execute("SELECT context_key FROM bandit_posteriors WHERE history_failures > 0").fetchall()
    assert rows == [(f"{CELL}|other",)]


def test_an_arm_that_is_added_or_removed_leaves_the_others_as_they_were(connection: Connection) -> None:
    for arm, successes in (("svd", 300), ("graph", 100)):
        learn_cell(connection, arm, successes, 900)
    few, more = (
        Settings(arms=("svd", "graph"), control_weights={"svd": 1}),
        Settings(arms=("svd", "graph", "fresh"), control_weights={"svd": 1}),
    )
    publish(connection, few)
    before, states = remembered(connection), _states(connection)
    a_second_passes(connection)
    publish(connection, more)
    after = remembered(connection)
    assert {arm: after[arm] for arm in before} == pytest.approx(before, rel=1e-6)
    assert published(connection)["fresh"][0] > 0
    assert {cell: counts for cell, counts in _states(connection).items() if cell[1] != "fresh"} == states
    a_second_passes(connection)
    publish(connection, few)
    assert remembered(connection) == pytest.approx(after, rel=1e-6)
    assert published(connection)["fresh"][0] == 0


def _states(connection: Connection) -> dict[tuple[str, str], tuple[float, float]]:
    rows = connection.execute("SELECT context_key, algorithm, alpha, beta FROM bandit_states")
    return {(key, arm): (alpha, beta) for key, arm, alpha, beta in rows}


def test_a_removed_arm_that_comes_back_knows_what_it_learned(connection: Connection) -> None:
    learn_cell(connection, "svd", 300, 900)
    learn_cell(connection, "graph", 100, 900)
    publish(connection, SETTINGS)
    before = published(connection)["svd"][1:]
    for arms in (tuple(arm for arm in GUIDE_ARMS if arm != "svd"), GUIDE_ARMS):
        a_second_passes(connection)
        publish(connection, Settings(arms=arms, control_weights={"graph": 1}))
    assert published(connection)["svd"][1:] == pytest.approx(before, rel=0.02)


def test_without_a_past_there_is_none(connection: Connection) -> None:
    assert told_of(connection, SETTINGS) == []
