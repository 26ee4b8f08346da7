"""The fast way in which the studies read many mornings has the verdicts of the product's read-out."""

import numpy as np
import pytest
from bandit_selector.evidence.experiment import Plan

from benchmarks._evidence_mornings import Newcomers, called, judged

WORDS = {"higher": 1, "lower": -1, "undecided": 0, "too_early": 0}
DAYS, VISITORS, LIFT = 8, 150, 0.15


def site(rng: np.random.Generator, lift: float, evening: float) -> Newcomers:
    """New visitors; treatment's chance of a click is 1 + lift times control's, the evening's exp(evening) times."""
    period = rng.integers(4, size=(DAYS, 2, VISITORS))
    factor = np.array([1 + lift, 1.0])[:, None] * np.exp(evening * (period == 2))
    chance = np.clip(rng.beta(2, 14, size=period.shape) * factor, 0, 1)
    return Newcomers(rng.binomial(10, chance), rng.integers(128, size=period.shape), period)


@pytest.mark.parametrize(
    ("lift", "evening", "quantile"), [(0, 0, 0.95), (0.3, 1.5, 0.95), (-0.3, 1.5, 0.8), (0.4, 0, 1)]
)
def test_many_mornings_at_once_are_those_of_the_read_out(lift: float, evening: float, quantile: float) -> None:
    known, plan = site(np.random.default_rng(3), lift, evening), Plan(0.5, LIFT)
    due: list[int] = []
    for day in range(1, DAYS + 1):
        found = judged(known.until(day), {0: 0.5}, plan, day, quantile)
        due.append(WORDS[found.verdict])
        plan = found.plan
    assert called(known, LIFT, quantile).tolist() == due
    assert set(due) == ({0, int(np.sign(lift))} if lift else {0})
    assert (plan.adjustment is not None and plan.adjustment.covariates) == (("daypart",) if evening else ())
