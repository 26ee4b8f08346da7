"""With which chance each arm is drawn in a context, from what is believed there."""

from collections.abc import Mapping, Sequence

import numpy as np

from bandit_selector.learning.best import probability_best
from bandit_selector.lists.context import Context
from bandit_selector.settings import Settings
from bandit_selector.store.serving import Belief, Visitor


def believed(visitor: Visitor, context: Context) -> Sequence[Belief]:
    """What is published for the context, or else for the one with its further factors unknown."""
    beliefs = visitor.beliefs.get(context.key, ())
    if any(belief.probability is not None for belief in beliefs):
        return beliefs
    return visitor.beliefs.get(context.fallback.key, beliefs)


def newest_version(beliefs: Sequence[Belief]) -> int | None:
    """The version that these beliefs were published in; None before the first."""
    return max((belief.version for belief in beliefs if belief.version is not None), default=None)


def probabilities(beliefs: Sequence[Belief], settings: Settings) -> Mapping[str, float]:
    """Per configured arm, its chance: as published; before anything is, P(best) of Beta(alpha, beta), with the floor.

    An arm configured after the last publication gets an even share; one no longer configured gets none.
    """
    known = {belief.arm: belief for belief in beliefs}
    published = {arm: belief.probability for arm, belief in known.items() if belief.probability is not None}
    if published:
        return {arm: published.get(arm, 1 / len(settings.arms)) for arm in settings.arms}
    counts = [
        (known[arm].alpha, known[arm].beta) if arm in known else (settings.prior_alpha, settings.prior_beta)
        for arm in settings.arms
    ]
    alpha, beta = np.array(counts).T
    floor = min(settings.min_arm_probability, 1 / len(settings.arms))
    chances = floor + (1 - len(settings.arms) * floor) * probability_best(alpha, beta)
    return dict(zip(settings.arms, chances.tolist(), strict=True))
