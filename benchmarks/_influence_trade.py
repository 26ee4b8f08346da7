"""What it would take to bound learning further: an account's weight in a week, against attacks and honest visitors.

The weight is bounded in places, and in clicks by the rule of the verdict: the share `rate` and two standard
deviations of chance. The smallest weights are less than an average honest visitor has.
"""

from dataclasses import dataclass

import numpy as np
from bandit_selector.evidence.bound import CHANCE

from benchmarks import _influence_learning as learning
from benchmarks._influence_visitors import SITES, Site, places
from benchmarks.arena.environments import Reals

WEIGHTS = (20, 40, 80, 160, 320)
RATE = 0.3  # the verdict's bound at a CTR of .12


@dataclass(frozen=True, slots=True)
class Trade:
    """`moved` by attack, without a bound first; `left_out` and `regret` by site: with each weight, in order."""

    moved: dict[str, list[float]]
    average: dict[str, float]
    left_out: dict[str, list[float]]
    regret: dict[str, list[float]]

    def costs(self, site: str) -> tuple[list[float], list[float]]:
        return self.left_out[site], self.regret[site]


def trade(runs: int) -> Trade:
    weeks = {site.name: _week(site) for site in SITES}
    left_out = {name: [_left_out(shown, weight) for weight in WEIGHTS] for name, shown in weeks.items()}
    return Trade(
        moved=learning.weighed([(weight, _share(weight)) for weight in WEIGHTS], runs),
        average={name: float(shown.mean()) for name, shown in weeks.items()},
        left_out=left_out,
        regret={name: learning.slower(lost, runs) for name, lost in left_out.items()},
    )


def _share(weight: int) -> float:
    return min(1.0, RATE + CHANCE * float(np.sqrt(RATE * (1 - RATE) / weight)))


def _week(site: Site) -> Reals:
    """Places of each visitor who comes at all in a week."""
    shown = places(site, 20_000, np.random.default_rng(72)).sum(axis=1)
    return shown[shown > 0].astype(np.float64)


def _left_out(shown: Reals, weight: int) -> float:
    return float(1 - np.minimum(shown, weight).sum() / shown.sum())
