"""Memories: exact sums of discounted outcomes, whatever is written when."""

import numpy as np
import pytest
from bandit_selector.learning.memory import Ages, HalfLife, HalfLives, Memory, Recorded, remembered, traffic
from hypothesis import given
from hypothesis import strategies as st

LIVES = HalfLives(HalfLife(1000, 3600), HalfLife(50, 60), HalfLife(200, 0))
START = Ages(*(np.zeros(()) for _ in range(3)))
batches = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.floats(0, 500)), min_size=1, max_size=8
)  # successes, failures, seconds


def test_a_half_life_is_the_longer_of_outcomes_and_time() -> None:
    life = HalfLife(outcomes=2000, seconds=21_600)
    assert life.age(2000, 21_600) == 1
    assert life.age(1_000_000, 21_600) == 1  # a busy site waits for the time
    assert life.age(2000, 10 * 21_600) == 1  # a quiet one for the outcomes
    assert life.age(0, 1e9) == 0
    assert life.age(2000, float("inf")) == 1
    assert HalfLives.never().long.age(1e9, 1e9) == 0


@pytest.mark.parametrize(("outcomes", "seconds"), [(0, 1), (-5, 1), (1, -1)])
def test_a_half_life_that_makes_no_sense_is_refused(outcomes: float, seconds: float) -> None:
    with pytest.raises(ValueError, match="a half-life must be"):
        HalfLife(outcomes, seconds)


@given(batches)
def test_memories_are_the_sums_of_each_outcome_s_own_weights(given_batches: list[tuple[int, int, float]]) -> None:
    memory, ages, then = Memory.empty(1, 1), START, [(START, 0, 0)]
    for successes, failures, seconds in given_batches:
        now = ages.after(successes + failures, seconds, LIVES)
        memory = memory.aged(ages, now).plus(np.full((1, 1), successes), np.full((1, 1), failures))
        ages = now
        then.append((now, successes, failures))
    long = [0.5 ** (ages.long - at.long) for at, _, _ in then]
    short = [0.5 ** (ages.short - at.short) for at, _, _ in then]
    together = [s + f for _, s, f in then]
    assert memory.long_successes[0, 0] == pytest.approx(sum(w * s for w, (_, s, _) in zip(long, then, strict=True)))
    assert memory.short_failures[0, 0] == pytest.approx(sum(w * f for w, (_, _, f) in zip(short, then, strict=True)))
    assert memory.short_squares[0, 0] == pytest.approx(sum(w**2 * n for w, n in zip(short, together, strict=True)))
    assert memory.cross[0, 0] == pytest.approx(sum(w * v * n for w, v, n in zip(short, long, together, strict=True)))


def recorded(
    memory: Memory, then: Ages, ages: Ages, totals: tuple[float, float], seen: tuple[float, float]
) -> Recorded:
    s, f, seen_s, seen_f = (np.array([[value, 0.0]]) for value in (*totals, *seen))
    return Recorded(("night|weekday|regular",), ("svd", "graph"), s, f, seen_s, seen_f, memory, then, ages, 0.0)


def test_a_cell_that_was_not_written_for_long_is_aged_to_now() -> None:
    memory = Memory.empty(1, 2).plus(np.array([[64.0, 0]]), np.array([[32.0, 0]]))
    later = Ages(np.array(1.0), np.array(3.0), np.array(2.0))
    cells = Ages(*(np.zeros((1, 2)) for _ in range(3)))
    now, ages = remembered(recorded(memory, cells, later, (64, 32), (64, 32)), LIVES)
    assert ages == later
    assert (now.long_successes[0, 0], now.short_successes[0, 0], now.traffic[0, 0]) == (32, 8, 24)


def test_a_conversion_moves_one_outcome_and_ages_nothing() -> None:
    memory = Memory.empty(1, 2).plus(np.array([[50.0, 0]]), np.array([[50.0, 0]]))
    now, ages = remembered(recorded(memory, START, START, (51, 49), (50, 50)), LIVES)
    assert ages == START
    assert (now.long_successes[0, 0], now.long_failures[0, 0], now.short_squares[0, 0]) == (51, 49, 100)


def test_a_conversion_of_what_is_nearly_forgotten_takes_nothing_below_zero() -> None:
    memory = Memory.empty(1, 2).plus(np.array([[0.0, 0]]), np.array([[0.25, 0]]))
    now, _ = remembered(recorded(memory, START, START, (1, 0), (0, 1)), LIVES)
    assert (now.long_successes[0, 0], now.long_failures[0, 0]) == (1, 0)


def test_shares_of_traffic_are_never_zero_and_sum_to_one() -> None:
    memory = Memory.empty(3, 1).plus(np.array([[10.0], [0], [88]]), np.zeros((3, 1)))
    assert traffic(memory) == pytest.approx(np.array([11, 1, 89]) / 101)
