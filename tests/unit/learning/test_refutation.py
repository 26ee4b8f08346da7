"""Forgetting what was refuted: an arm's own change is noticed, a tide and chance are not."""

import numpy as np
import pytest
from bandit_selector.learning.counts import Reals
from bandit_selector.learning.memory import Ages, HalfLife, HalfLives, Memory
from bandit_selector.learning.refutation import APART, CLUMPED, Forgetting, refute, standing, surprising

ARMS = ("svd", "graph", "item_cf")
MOMENTS = ("night|weekday", "night|weekday")
LIVES = HalfLives(HalfLife(200_000, 0), HalfLife(2_000, 0), HalfLife(5_000, 0))
RATES = np.array([[0.10, 0.05, 0.20], [0.15, 0.08, 0.10]])


def lived(
    phases: list[Reals], batches: int = 300, size: int = 20, seed: int = 0, lives: HalfLives = LIVES
) -> tuple[Memory, list[Forgetting]]:
    """A memory after phases of batches in which every cell has `size` outcomes; what was forgotten on the way."""
    rng = np.random.default_rng(seed)
    memory, told = Memory.empty(2, 3), list[Forgetting]()
    ages = Ages(*(np.zeros(()) for _ in range(3)))
    for rates in phases:
        for _ in range(batches):
            successes = rng.binomial(size, rates).astype(float)
            now = ages.after(size * rates.size, float("inf"), lives)
            memory, ages = memory.aged(ages, now).plus(successes, size - successes), now
            memory, new = refute(memory, ARMS, MOMENTS)
            told += new
    return memory, told


def changed(arm: int, factor: float) -> Reals:
    return np.where(np.arange(3) == arm, RATES * factor, RATES)


def test_an_arm_that_lost_half_its_clicks_is_forgotten_once_and_the_event_says_what_changed() -> None:
    _, told = lived([RATES, changed(2, 0.5)])
    assert [one.arm for one in told] == ["item_cf"]
    assert told[0].z > surprising(3)
    assert told[0].after < told[0].before == pytest.approx(0.15, rel=0.1)


def test_the_refuted_arm_keeps_its_short_memory_and_the_others_a_tenth_of_the_rest() -> None:
    memory = Memory(*(np.tile(row, (2, 1)) for row in np.array([
        [900.0, 900, 900], [9100, 9100, 9100], [10, 90, 90], [990, 910, 910], [500, 500, 500], [990, 990, 990],
        [1000, 1000, 1000]])))  # fmt: skip
    after, told = refute(memory, ARMS, MOMENTS)
    assert [one.arm for one in told] == ["svd"]
    assert after.long_successes[0] == pytest.approx([10, 171, 171])
    assert after.long_failures[0] == pytest.approx([990, 910 + 819, 910 + 819])
    assert after.short_successes == pytest.approx(memory.short_successes)


@pytest.mark.parametrize("factor", [0.3, 1.5])
def test_a_tide_of_all_arms_is_no_arm_s_change(factor: float) -> None:
    assert lived([RATES, RATES * factor, RATES])[1] == []


def test_an_arm_with_nearly_all_traffic_is_noticed_before_the_others_can_prove_that_no_tide_came() -> None:
    """Its drop is nearly all of what a tide would be, and the others have too little traffic to tell the two apart."""
    memory = Memory(*(np.tile(row, (2, 1)) for row in np.array([
        [1500.0, 30, 30], [8500, 270, 270], [90, 4, 4], [910, 36, 36], [500, 20, 20], [990, 39, 39],
        [1000, 40, 40]])))  # fmt: skip
    stands = standing(memory, MOMENTS)
    assert stands.apart[0] < APART
    assert stands.others[0] < stands.apart[0]
    assert [one.arm for one in refute(memory, ARMS, MOMENTS)[1]] == ["svd"]


def test_tides_that_cancel_out_over_the_day_are_tides_all_the_same() -> None:
    """All arms rise in the evening and sink at night; one is shown in the evening, and the others as often at night."""
    rows = [
        [[1000, 500, 500], [100, 500, 500]], [[9000, 4500, 4500], [900, 4500, 4500]],
        [[150, 75, 75], [5, 25, 25]], [[850, 425, 425], [95, 475, 475]],
        [[500, 250, 250], [50, 250, 250]], [[990, 495, 495], [99, 495, 495]], [[1000, 500, 500], [100, 500, 500]],
    ]  # fmt: skip
    memory = Memory(*(20 * np.array(part, float) for part in rows))
    evening_and_night = ("evening|weekday", "night|weekday")
    assert standing(memory, evening_and_night).others.min() > APART
    assert refute(memory, ARMS, evening_and_night)[1] == ()


def test_a_click_that_did_not_come_is_a_smaller_step_than_one_too_many() -> None:
    def memory(short: float) -> Memory:
        rows = [[1000.0, 1000], [9000, 9000], [short, 100], [1000 - short, 900], [500, 500], [990, 990], [1000, 1000]]
        return Memory(*(np.array([row]) for row in rows))

    fewer, more = (standing(memory(100 + change), MOMENTS[:1]).own[0] for change in (-50, 50))
    assert fewer > more > 0


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_no_change(seed: int) -> None:
    assert lived([RATES], batches=2000, seed=seed)[1] == []


def test_a_long_memory_that_is_set_to_be_shorter_than_the_short_one_is_compared_with_itself() -> None:
    memory, _ = lived([RATES], lives=HalfLives(HalfLife(500, 0), LIVES.short, LIVES.traffic))
    assert standing(memory, MOMENTS).own == pytest.approx(0, abs=1e-3)


def test_one_arm_or_nothing_learned_refutes_nothing() -> None:
    assert refute(Memory.empty(2, 1), ARMS[:1], MOMENTS)[1] == ()
    assert refute(Memory.empty(0, 3), ARMS, ())[1] == ()
    assert refute(Memory.empty(2, 3), ARMS, MOMENTS)[1] == ()


def test_more_arms_need_more_surprise() -> None:
    assert surprising(6) == pytest.approx(5.23, abs=0.01)
    assert surprising(12) > surprising(6)
    assert CLUMPED > 1
