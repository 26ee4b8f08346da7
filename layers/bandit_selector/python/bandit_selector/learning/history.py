"""What is known of the arms from before their own outcomes, as discounted evidence. Must not know where it is kept.

History is biased in ways that no formula knows: a shadow tells of the places where an arm agrees with control, the
site's rows were placed by another system, its old counts leave silence out. So an arm's history is worth a bounded
number of outcomes, is part of the memory like older outcomes, and is forgotten like these once new ones refute it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_selector.learning.counts import Reals
from bandit_selector.learning.hierarchy import Prior

UNKNOWN: Final = ""
"""The context of outcomes whose context is not known."""
PRIOR: Final = Prior()


@dataclass(frozen=True, slots=True)
class Told:
    """Outcomes of one arm in one context (or UNKNOWN) from one source, as they were counted there."""

    source: str
    context_key: str
    arm: str
    successes: float
    failures: float


def history(told: Sequence[Told], contexts: Sequence[str], arms: Sequence[str], worth: float) -> Reals:
    """Successes and failures of each cell, (2, contexts, arms): an arm's are worth `worth` outcomes together at most.

    Outcomes of an unknown context, or of one that is not among `contexts`, are spread evenly over all: under the shared
    rule they tell of the arm's own effect then. An arm's sources are discounted alike.
    """
    found = np.zeros((2, len(contexts), len(arms)))
    rows, columns = {key: at for at, key in enumerate(contexts)}, {arm: at for at, arm in enumerate(arms)}
    for one in told:
        outcomes = np.array([one.successes, one.failures])
        if one.arm in columns and one.context_key in rows:
            found[:, rows[one.context_key], columns[one.arm]] += outcomes
        elif one.arm in columns:
            found[:, :, columns[one.arm]] += outcomes[:, None] / len(contexts)
    return found * discount(found.sum(axis=(0, 1)), worth)


def discount(outcomes: Reals | float, worth: float) -> Reals:
    """What one of so many outcomes counts, so that together they are worth `worth` at most."""
    return np.minimum(1.0, worth / np.maximum(outcomes, 1e-12))


def levelled(told: Sequence[Told], rate: float | None) -> list[Told]:
    """Counts of another kind (such as those without silence) at the level of success rate `rate`.

    Each arm keeps its odds against all arms together: logit p' = logit(rate) + logit(p) − logit(p of all). That assumes
    that an arm that pleases more of those who react pleases more of all. Without a known rate, the rule's own prior.
    """
    successes, outcomes = sum(one.successes for one in told), sum(one.successes + one.failures for one in told)
    if not 0 < successes < outcomes:
        return []
    level = _logit(rate if rate and 0 < rate < 1 else PRIOR.successes / PRIOR.outcomes) - _logit(successes / outcomes)
    return [_moved(one, level) for one in told]


def _moved(one: Told, level: float) -> Told:
    """The same number of outcomes; half a success and half a failure keep the rate inside (0, 1)."""
    outcomes = one.successes + one.failures
    rate = 1 / (1 + np.exp(-(_logit((one.successes + 0.5) / (outcomes + 1)) + level)))
    return Told(one.source, one.context_key, one.arm, outcomes * rate, outcomes * (1 - rate))


def _logit(rate: float) -> float:
    return float(np.log(rate / (1 - rate)))


def by_source(told: Sequence[Told]) -> Mapping[str, Mapping[str, tuple[float, float]]]:
    """{arm: {source: (successes, failures)}}, over all contexts."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for one in told:
        before = found.setdefault(one.arm, {}).get(one.source, (0.0, 0.0))
        found[one.arm][one.source] = before[0] + one.successes, before[1] + one.failures
    return found
