"""Synthetic worlds in which policies choose arms; they must not know any policy.

Click rates lie between 3 and 30 %. Whatever is random in a world (contexts, clicks, delays) is drawn when it is built,
from its seed, so that every policy meets the same visitors: decision t clicks on arm a iff clicks[t] < its rate.
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
class Environment:
    """T decisions in a row. `rates` and `available` have a leading axis of equally long phases."""

    contexts: tuple[str, ...]
    visits: Indices  # (T,): the context of each decision
    clicks: Reals  # (T,): uniform
    rates: Reals  # (phases, contexts, arms)
    available: NDArray[np.bool_]  # (phases, arms)
    delays: Reals  # (T,): decisions until the outcome is known; infinite when it is lost
    apply_every: int = BATCH  # outcomes reach the policy at multiples of this many decisions
    arms: tuple[str, ...] = ARMS
    moments: Reals | None = None  # (T,): when each decision is made, in seconds; None where there is no clock

    @property
    def horizon(self) -> int:
        return len(self.visits)

    def phase(self, t: int) -> int:
        return t * len(self.rates) // self.horizon


def one_context(horizon: int, rng: np.random.Generator) -> Environment:
    """E1: one context, nothing changes; which arm has which rate is shuffled."""
    return _world(horizon, rng, rng.permutation(ONE_CONTEXT_RATES)[None, None, :])


def shared_structure(horizon: int, rng: np.random.Generator) -> Environment:
    """E2: 24 contexts that partly share what works."""
    return _world(horizon, rng, _rates(_logits(rng))[None])


def late_feedback(horizon: int, rng: np.random.Generator) -> Environment:
    """E3: E2 with outcomes 1,000 decisions late on average, applied every 500, one in ten lost."""
    world = shared_structure(horizon, rng)
    lost = rng.random(horizon) < 0.1
    return replace(world, delays=np.where(lost, np.inf, rng.exponential(1000, horizon)), apply_every=500)


def swapped(horizon: int, rng: np.random.Generator) -> Environment:
    """E4: half-way the arm that was best on average and the worst change places."""
    before = _logits(rng)
    order = before.mean(axis=0).argsort()
    after = before.copy()
    after[:, order[[0, -1]]] = before[:, order[[-1, 0]]]
    return _world(horizon, rng, _rates(np.stack([before, after])))


def drifting(horizon: int, rng: np.random.Generator) -> Environment:
    """E4d: every effect of one set slowly gives way to that of another, in 60 steps."""
    start, end = _logits(rng), _logits(rng)
    share = np.linspace(0, 1, 60)[:, None, None]
    return _world(horizon, rng, _rates(start * (1 - share) + end * share))


def newcomers(horizon: int, rng: np.random.Generator) -> Environment:
    """E5: one arm and one kind of visitor appear half-way."""
    logits = _logits(rng)
    available = np.ones((2, len(ARMS)), bool)
    available[0, rng.integers(len(ARMS))] = False
    visitor = FACTORS[2][rng.integers(3)]
    known = np.array([not context.endswith(visitor) for context in CONTEXTS])
    early = rng.choice(np.flatnonzero(known), horizon // 2)
    world = _world(horizon, rng, _rates(np.stack([logits, logits])))
    visits = np.concatenate([early, world.visits[horizon // 2 :]])
    return replace(world, available=available, visits=visits)


def uneven_traffic(horizon: int, rng: np.random.Generator) -> Environment:
    """E6: E2 with contexts as frequent as 1 / rank."""
    world = shared_structure(horizon, rng)
    weight = rng.permutation(1 / np.arange(1, len(CONTEXTS) + 1))
    return replace(world, visits=rng.choice(len(CONTEXTS), horizon, p=weight / weight.sum()))


def unrelated(horizon: int, rng: np.random.Generator) -> Environment:
    """E7: 24 contexts that share nothing, against any rule that expects structure."""
    return _world(horizon, rng, _rates(rng.normal(-2, 0.5, (len(CONTEXTS), len(ARMS))))[None])


ENVIRONMENTS: dict[str, Callable[[int, np.random.Generator], Environment]] = {
    "E1": one_context,
    "E2": shared_structure,
    "E3": late_feedback,
    "E4": swapped,
    "E4d": drifting,
    "E5": newcomers,
    "E6": uneven_traffic,
}


def weekly(horizon: int, rng: np.random.Generator) -> Environment:
    """W: four weeks with a clock; weekends and evenings have more traffic, and weekends another best arm."""
    logits = _logits(rng)
    weekend = np.array(["weekend" in context for context in CONTEXTS])
    order = logits.mean(axis=0).argsort()
    logits[weekend, order[-1]] -= 0.5
    logits[weekend, order[0]] += 1.2
    moments = np.sort(rng.choice(4 * 7 * 24, horizon, p=_hourly() / 4) + rng.random(horizon)) * 3600
    hour, day = (moments / 3600 % 24).astype(int), (moments / 86400 % 7).astype(int)
    period = np.select([hour < 5, hour < 12, hour < 17, hour < 22], [3, 0, 1, 2], 3)
    visits = period * 6 + (day >= 5) * 3 + rng.integers(3, size=horizon)
    return replace(_world(horizon, rng, _rates(logits[None])), visits=visits, moments=moments)


def _hourly() -> Reals:
    """Each hour's share of a week's traffic, four weeks in a row."""
    day = np.array([4, 3, 2, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 9, 8, 8, 9, 11, 14, 16, 16, 14, 10, 6], float)
    week = np.concatenate([day * weight for weight in (1, 1, 1, 1, 1.2, 1.6, 1.6)])
    return np.tile(week / week.sum(), 4)


def tide(horizon: int, rng: np.random.Generator) -> Environment:
    """S: E2, but all arms sink to half their rates in the second fifth and rise to 1.3 of them in the fourth."""
    rates = _rates(_logits(rng))
    world = _world(horizon, rng, np.stack([rates, rates / 2, rates, rates * 1.3, rates]))
    return replace(world, rates=np.clip(world.rates, 0.015, 0.39))


def many_factors(horizon: int, rng: np.random.Generator) -> Environment:
    """F: ten factors of three levels, twelve arms; 100 of the 59,049 contexts are visited, as often as 1 / rank."""
    arms, factors, contexts = 12, 10, 100
    levels = np.unique(rng.integers(3, size=(contexts * 2, factors)), axis=0)[:contexts]
    logits = -2 + rng.normal(0, 0.4, arms) + rng.normal(0, 0.3, (len(levels), 1))
    for j in range(factors):
        logits = logits + rng.normal(0, 0.14, (3, arms))[levels[:, j]]
    world = _world(horizon, rng, _rates(logits + rng.normal(0, 0.15, logits.shape))[None])
    weight = rng.permutation(1 / np.arange(1, len(levels) + 1))
    names = tuple("|".join(f"{j}{level}" for j, level in enumerate(row)) for row in levels.tolist())
    visits = rng.choice(len(levels), horizon, p=weight / weight.sum())
    return replace(world, contexts=names, visits=visits, arms=tuple(f"arm{a}" for a in range(arms)))


OUTSIDE = {"E7": unrelated}
NEW = {"W": weekly, "S": tide, "F": many_factors}


def build(name: str, horizon: int, seed: int) -> Environment:
    """The world of a name and a seed; different names with one seed share nothing."""
    makers = ENVIRONMENTS | OUTSIDE | NEW
    return makers[name](horizon, np.random.default_rng([seed, list(makers).index(name)]))


def _world(horizon: int, rng: np.random.Generator, rates: Reals) -> Environment:
    phases, contexts, arms = rates.shape
    return Environment(
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
