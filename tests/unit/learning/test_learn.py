"""Counts → probabilities, as a whole."""

import numpy as np
import pytest
from bandit_selector.learning.counts import Counts
from bandit_selector.learning.guard import Guards
from bandit_selector.learning.learn import Learned, learn
from bandit_selector.learning.posterior import Policy

ARMS = ("svd", "embeddings", "graph", "item_cf", "long_tail", "serendipity")


def learned_from(counts: Counts, policy: Policy = "shared") -> Learned:
    even = np.full(len(counts.contexts), 1 / max(len(counts.contexts), 1))
    return learn(counts, even, policy, prior_alpha=1.0, prior_beta=1.0, guards=Guards(floor=0.001, cap=0.70))


@pytest.mark.parametrize("policy", ["shared", "independent"])
def test_without_data_every_arm_is_drawn_alike(policy: Policy) -> None:
    zeros = np.zeros((2, 6))
    learned = learned_from(Counts(("evening|weekend|regular", "night|weekday|regular"), ARMS, zeros, zeros), policy)
    assert learned.probability == pytest.approx(1 / 6)


def test_the_better_arm_is_drawn_more_and_the_guards_hold() -> None:
    successes, failures = np.full((1, 6), 50.0), np.full((1, 6), 450.0)
    successes[0, 2] = 150
    learned = learned_from(Counts(("evening|weekend|regular",), ARMS, successes, failures))
    assert learned.best[0, 2] > 0.99
    assert learned.probability[0, 2] == pytest.approx(0.70)
    assert learned.probability.min() >= 0.001
    assert learned.probability.sum() == pytest.approx(1)


@pytest.mark.parametrize("shape", [(0, 6), (24, 0), (0, 0), (1, 1)])
def test_every_shape_can_be_learned(shape: tuple[int, int]) -> None:
    contexts, arms = (tuple(str(i) for i in range(n)) for n in shape)
    learned = learned_from(Counts(contexts, arms, np.zeros(shape), np.zeros(shape)))
    assert learned.probability.shape == shape
