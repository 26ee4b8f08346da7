"""Synthetic worlds in which policies choose arms; they must not know any policy.

Click rates are between 3 and 30 %. All randomness of a world (contexts, clicks, delays) is drawn from its seed when it
is built, so that every policy meets the same visitors: decision t clicks on arm a iff clicks[t] < its rate.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

ARMS = ("svd", "embeddings", "graph", "item_cf", "long_tail", "serendipity")
FACTORS = (
    ("morning", "afternoon", "evening", "night"),
    ("weekday", "weekend"),
    ("cold_start", "regular", "power_user"),
)
CONTEXTS = tuple("|".join(levels) for levels in product(*FACTORS))
ONE_CONTEXT_RATES = (0.05, 0.07, 0.09, 0.11, 0.13, 0.15)
BATCH = 25


@dataclass(frozen=True, slots=True)
class World:
    """T decisions in a row. The first axis of `rates` and `available` is phases of equal length."""

    contexts: tuple[str, ...]
    visits: Indices  # (T,): the context of each decision
    clicks: Reals  # (T,): uniform
    rates: Reals  # (phases, contexts, arms)
    available: NDArray[np.bool_]  # (phases, arms)
    delays: Reals  # (T,): decisions until the outcome is known; infinite if it is lost
    apply_every: int = BATCH  # outcomes reach the policy at multiples of this many decisions
    arms: tuple[str, ...] = ARMS
    moments: Reals | None = None  # (T,): when each decision is made, in seconds; None where there is no clock

    @property
    def horizon(self) -> int:
        return len(self.visits)

    def phase(self, t: int) -> int:
        return t * len(self.rates) // self.horizon


def one_context(horizon: int, rng: np.random.Generator) -> World:
    """E1: one context, nothing changes; the rates are assigned to arms at random."""
    return _world(horizon, rng, rng.permutation(ONE_CONTEXT_RATES)[None, None, :])


def shared_structure(horizon: int, rng: np.random.Generator) -> World:
    """E2: 24 contexts that partly share what works."""
    return _world(horizon, rng, _rates(_logits(rng))[None])


def late_feedback(horizon: int, rng: np.random.Generator) -> World:
    """E3: E2 with outcomes 1,000 decisions late on average, applied every 500, one in ten lost."""
    world = shared_structure(horizon, rng)
    lost = rng.random(horizon) < 0.1
    return replace(world, delays=np.where(lost, np.inf, rng.exponential(1000, horizon)), apply_every=500)


def swapped(horizon: int, rng: np.random.Generator) -> World:
    """E4: half-way the best arm on average and the worst one swap their rates."""
    before = _logits(rng)
    order = before.mean(axis=0).argsort()
    after = before.copy()
    after[:, order[[0, -1]]] = before[:, order[[-1, 0]]]
    return _world(horizon, rng, _rates(np.stack([before, after])))


def drifting(horizon: int, rng: np.random.Generator) -> World:
    """E4d: one set of effects changes into another in 60 steps."""
    start, end = _logits(rng), _logits(rng)
    share = np.linspace(0, 1, 60)[:, None, None]
    return _world(horizon, rng, _rates(start * (1 - share) + end * share))


def newcomers(horizon: int, rng: np.random.Generator) -> World:
    """E5: an arm and a kind of visitor appear half-way."""
    logits = _logits(rng)
    available = np.ones((2, len(ARMS)), bool)
    available[0, rng.integers(len(ARMS))] = False
    visitor = FACTORS[2][rng.integers(3)]
    known = np.array([not context.endswith(visitor) for context in CONTEXTS])
    early = rng.choice(np.flatnonzero(known), horizon // 2)
    world = _world(horizon, rng, _rates(np.stack([logits, logits])))
    visits = np.concatenate([early, world.visits[horizon // 2 :]])
    return replace(world, available=available, visits=visits)


def uneven_traffic(horizon: int, rng: np.random.Generator) -> World:
    """E6: E2 with contexts as frequent as 1 / rank."""
    world = shared_structure(horizon, rng)
    weight = rng.permutation(1 / np.arange(1, len(CONTEXTS) + 1))
    return replace(world, visits=rng.choice(len(CONTEXTS), horizon, p=weight / weight.sum()))


def unrelated(horizon: int, rng: np.random.Generator) -> World:
    """E7: 24 contexts that share nothing, the worst case for a rule that expects structure."""
    return _world(horizon, rng, _rates(rng.normal(-2, 0.5, (len(CONTEXTS), len(ARMS))))[None])


ENVIRONMENTS: dict[str, Callable[[int, np.random.Generator], World]] = {
    "E1": one_context,
    "E2": shared_structure,
    "E3": late_feedback,
    "E4": swapped,
    "E4d": drifting,
    "E5": newcomers,
    "E6": uneven_traffic,
}
OUTSIDE = {"E7": unrelated}


def build(name: str, horizon: int, seed: int) -> World:
    """The world of a name and a seed; worlds of different names share no randomness."""
    makers = ENVIRONMENTS | OUTSIDE
    return makers[name](horizon, np.random.default_rng([seed, list(makers).index(name)]))


def _world(horizon: int, rng: np.random.Generator, rates: Reals) -> World:
    phases, contexts, arms = rates.shape
    return World(
        contexts=CONTEXTS[:contexts],
        visits=rng.integers(contexts, size=horizon),
        clicks=rng.random(horizon),
        rates=rates,
        available=np.ones((phases, arms), bool),
        delays=np.zeros(horizon),
    )


def _logits(rng: np.random.Generator) -> Reals:
    """Effects of context, arm, arm by each factor's level, and cell, shape (contexts, arms)."""
    logits = -2 + rng.normal(0, 0.4, len(ARMS)) + rng.normal(0, 0.3, (len(CONTEXTS), 1))
    levels = np.array(
        [[factor.index(level) for factor, level in zip(FACTORS, c.split("|"), strict=True)] for c in CONTEXTS]
    )
    for j, factor in enumerate(FACTORS):
        logits = logits + rng.normal(0, 0.25, (len(factor), len(ARMS)))[levels[:, j]]
    return logits + rng.normal(0, 0.15, logits.shape)


def _rates(logits: Reals) -> Reals:
    return np.clip(1 / (1 + np.exp(-logits)), 0.03, 0.30)
