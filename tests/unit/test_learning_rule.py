"""What the settings mean to the learning rule."""

import numpy as np
import pytest
from bandit_selector.learning.memory import Memory
from bandit_selector.lists.context import CONTEXT_KEYS, day_of
from bandit_selector.services.learning_rule import AIM, learn_from
from bandit_selector.settings import Settings

SETTINGS = Settings()


def two_leaders() -> Memory:
    """An arm is best on weekdays and another one at weekends, in contexts that are visited alike."""
    memory = Memory.empty(len(CONTEXT_KEYS), len(SETTINGS.arms))
    leader = np.array([0 if day_of(key) == "weekday" else 1 for key in CONTEXT_KEYS])
    rates = np.where(np.arange(len(SETTINGS.arms))[None, :] == leader[:, None], 0.3, 0.1)
    memory.traffic[:] = 1000
    memory.long_successes[:], memory.long_failures[:] = 5000 * rates, 5000 * (1 - rates)
    return memory


def shares(over: str) -> tuple[float, float]:
    """Of the arm that is best on weekdays: of all traffic, and of that on weekdays."""
    settings = SETTINGS.model_copy(update={"dominance_over": over})
    probability = learn_from(CONTEXT_KEYS, two_leaders(), settings).probability[:, 0]
    weekday = np.array([day_of(key) == "weekday" for key in CONTEXT_KEYS])
    return float(probability.mean()), float(probability[weekday].mean())


def test_over_all_traffic_an_arm_may_have_nearly_all_weekdays() -> None:
    everything, weekdays = shares("all")
    assert everything < SETTINGS.max_algorithm_dominance
    assert weekdays > 0.98


def test_over_days_it_may_not() -> None:
    assert shares("days")[1] == pytest.approx(SETTINGS.max_algorithm_dominance - AIM, abs=1e-6)
