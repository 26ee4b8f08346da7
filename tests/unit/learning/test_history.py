"""History is worth a bounded number of outcomes, and fades like older outcomes."""

import numpy as np
import pytest
from bandit_selector.learning.history import Told, by_source, history, levelled
from bandit_selector.learning.memory import Memory
from hypothesis import given
from hypothesis import strategies as st

CONTEXTS, ARMS = ("night|weekday|regular", "night|weekend|regular"), ("svd", "graph")
TOLD = st.lists(
    st.builds(
        Told,
        st.just("shadow"),
        st.sampled_from([*CONTEXTS, "", "of|other|settings"]),
        st.sampled_from([*ARMS, "gone"]),
        st.floats(0, 1e6),
        st.floats(0, 1e6),
    ),
    max_size=12,
)


@given(TOLD, st.floats(0, 1000))
def test_an_arm_is_worth_no_more_than_the_setting_and_no_more_than_was_counted(told: list[Told], worth: float) -> None:
    made = history(told, CONTEXTS, ARMS, worth)
    for column, arm in enumerate(ARMS):
        counted = sum(one.successes + one.failures for one in told if one.arm == arm)
        assert made[:, :, column].sum() == pytest.approx(min(worth, counted), abs=1e-6)
    assert (made >= 0).all()


def test_rates_stay_as_they_were_counted() -> None:
    made = history([Told("rows", CONTEXTS[0], "svd", 300, 700)], CONTEXTS, ARMS, 200)
    assert made[:, 0, 0].tolist() == [60, 140]
    assert made[:, 1, :].sum() == 0


def test_what_has_no_context_is_spread_evenly() -> None:
    made = history([Told("states", "", "graph", 30, 70)], CONTEXTS, ARMS, 200)
    assert made[:, :, 1].tolist() == [[15, 15], [35, 35]]


def test_counts_without_silence_keep_the_order_of_the_arms_at_the_level_that_is_known() -> None:
    told = [Told("states", "", "svd", 800, 200), Told("states", "", "graph", 600, 400)]
    rates = {one.arm: one.successes / (one.successes + one.failures) for one in levelled(told, 0.1)}
    assert 0.1 < rates["svd"] < 0.2
    assert 0.03 < rates["graph"] < 0.1
    assert [one.successes + one.failures for one in levelled(told, 0.1)] == pytest.approx([1000, 1000])
    assert levelled([Told("states", "", "svd", 5, 0)], 0.1) == []


def test_history_is_older_evidence_and_no_traffic_and_can_be_taken_back() -> None:
    memory = Memory.empty(2, 2).recalling(np.full((2, 2, 2), 10.0))
    assert memory.long_successes.sum() == memory.long_failures.sum() == 40
    assert memory.traffic.sum() == memory.short_failures.sum() == 0
    assert memory.recalling(np.full((2, 2, 2), -11.0)).long_successes.sum() == 0


def test_sources_are_told_apart() -> None:
    told = [
        Told("rows", CONTEXTS[0], "svd", 1, 2),
        Told("rows", CONTEXTS[1], "svd", 3, 4),
        Told("shadow", "", "svd", 5, 6),
    ]
    assert by_source(told) == {"svd": {"rows": (4, 6), "shadow": (5, 6)}}
