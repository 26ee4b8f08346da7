"""What attacks and bounds do to learning: the served rule on one site's outcomes, a publication every quarter of a day.

Honest outcomes are the same in every variant: a cell's places are its context's traffic times its arm's probability,
and its click rate at each step is drawn once. So two variants differ by the attack and the bound alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from bandit_selector.learning.memory import Ages, Memory
from bandit_selector.services.learning_rule import forget_refuted, half_lives, learn_from
from bandit_selector.settings import Settings

from benchmarks._influence_visitors import DAYS, SITES, counted, places
from benchmarks.arena.environments import ARMS, CONTEXTS, Reals

DEFAULTS = Settings()
A_DAY = 4  # publications
PLACES = 5_000  # of the bandit, a day
SITE = f"{PLACES:,} places of the bandit a day, for a week"
STEP_SECONDS = 86_400 / A_DAY
LEADER = 0  # the attacked arm


@dataclass(frozen=True, slots=True)
class Attack:
    """`accounts` that are shown `shown` places each, of which they react to `reactions` in all."""

    name: str
    accounts: int
    shown: float
    reactions: float
    days: int

    def each_day(self, bound: int | None) -> tuple[float, float]:
        """Places and reactions that count on each of its days."""
        a_day = self.shown / self.days
        counts = a_day if bound is None else min(a_day, bound)
        return self.accounts * counts, self.accounts * min(self.reactions / self.accounts / self.days, counts)

    def weighing(self, places: float, rate: float = 1.0) -> "Attack":
        """The same attack if an account weighs at most so many places in all, and at most this share of them clicks."""
        shown = min(self.shown, places)
        return replace(self, shown=shown, reactions=min(self.reactions, self.accounts * shown * rate))


def _spread(name: str, accounts: int, shown: int, reactions: int) -> tuple[Attack, Attack]:
    return (
        Attack(f"{name}, in 13 seconds", accounts, shown, reactions, 1),
        Attack(f"{name}, over seven days", accounts, shown, reactions, DAYS),
    )


ATTACKS = (
    *_spread("one token, 60 lists of 50, 1,000 reactions", 1, 3_000, 1_000),
    *_spread("ten accounts, 200 clicks each", 10, 200, 2_000),
)


@dataclass(frozen=True, slots=True)
class World:
    """True click rates (contexts, arms), rates as found (steps, contexts, arms), and traffic (contexts)."""

    rates: Reals
    found: Reals
    traffic: Reals


def attacks(bounds: Sequence[int | None], runs: int) -> dict[str, list[float]]:
    """Per attack and bound, how far the leader's mean probability moves; mean over the runs."""
    moved: dict[str, list[list[float]]] = {attack.name: [] for attack in ATTACKS}
    for run in range(runs):
        world = _world(np.random.default_rng([71, run]))
        honest = _play(world, 1.0, None, None)[0]
        for attack in ATTACKS:
            ends = [_play(world, 1.0, attack, bound)[0] for bound in bounds]
            moved[attack.name].append([abs(end - honest) for end in ends])
    return {name: np.mean(rows, axis=0).tolist() for name, rows in moved.items()}


def weighed(weights: Sequence[tuple[float, float]], runs: int) -> dict[str, list[float]]:
    """Per attack, how far the leader moves without a bound, then where an account weighs (places, rate) at most."""
    moved: dict[str, list[list[float]]] = {attack.name: [] for attack in ATTACKS}
    for run in range(runs):
        world = _world(np.random.default_rng([71, run]))
        honest = _play(world, 1.0, None, None)[0]
        for attack in ATTACKS:
            played = [attack, *(attack.weighing(*weight) for weight in weights)]
            moved[attack.name].append([abs(_play(world, 1.0, one, None)[0] - honest) for one in played])
    return {name: np.mean(rows, axis=0).tolist() for name, rows in moved.items()}


def slower(lost: Sequence[float], runs: int) -> list[float]:
    """The change of a week's regret where these shares of the honest places do not count."""
    regrets = np.array([_regrets([0.0, *lost], run) for run in range(runs)]).mean(axis=0)
    return (regrets[1:] / regrets[0] - 1).tolist()


def honest(bounds: Sequence[int | None], runs: int) -> dict[str, list[tuple[float, float]]]:
    """Per site and bound: the share of places that do not count, and the change of a week's regret."""
    answer: dict[str, list[tuple[float, float]]] = {}
    for site in SITES:
        shown = places(site, 20_000, np.random.default_rng(72))
        shares = [1 - float(counted(shown, bound).sum() / shown.sum()) for bound in bounds]
        regrets = np.array([_regrets(shares, run) for run in range(runs)]).mean(axis=0)
        answer[site.name] = list(zip(shares, (regrets / regrets[0] - 1).tolist(), strict=True))
    return answer


def _regrets(lost: Sequence[float], run: int) -> list[float]:
    world = _world(np.random.default_rng([71, run]))
    known: dict[float, float] = {}
    for share in lost:
        key = round(share, 3)
        known[key] = known.get(key) or _play(world, 1 - key, None, None)[1]
    return [known[round(share, 3)] for share in lost]


def _world(rng: np.random.Generator) -> World:
    logits = -2 + rng.normal(0, 0.25, (len(CONTEXTS), 1)) + rng.normal(0, 0.1, (len(CONTEXTS), len(ARMS)))
    logits += np.array([0.25, 0.15, 0.05, 0.0, -0.1, -0.2])
    rates = 1 / (1 + np.exp(-logits))
    traffic = rng.dirichlet(np.full(len(CONTEXTS), 3.0))
    steps = DAYS * A_DAY
    expected = np.maximum(PLACES / A_DAY * traffic[:, None] / len(ARMS), 1)
    noise = rng.normal(0, 1, (steps, *rates.shape)) * np.sqrt(rates * (1 - rates) / expected)
    return World(rates, np.clip(rates + noise, 0, 1), traffic)


def _play(world: World, counts: float, attack: Attack | None, bound: int | None) -> tuple[float, float]:
    """The leader's mean probability at the end, and the regret in clicks; `counts`: of honest places."""
    lives = half_lives(DEFAULTS)
    memory, ages = Memory.empty(*world.rates.shape), Ages(*(np.zeros(()) for _ in range(3)))
    chances = np.full(world.rates.shape, 1 / len(ARMS))
    regret = 0.0
    for step, found in enumerate(world.found):
        shown = PLACES / A_DAY * world.traffic[:, None] * chances
        regret += float((shown * (world.rates.max(axis=1, keepdims=True) - world.rates)).sum())
        successes, failures = shown * counts * found, shown * counts * (1 - found)
        if attack and step % A_DAY == A_DAY - 1 and step // A_DAY >= DAYS - attack.days:
            more = _attacked(attack, bound, chances, step)
            successes, failures = successes + more[0], failures + more[1]
        now = ages.after(float((successes + failures).sum()), STEP_SECONDS, lives)
        memory, ages = memory.aged(ages, now).plus(successes, failures), now
        memory, _ = forget_refuted(CONTEXTS, memory, DEFAULTS)
        chances = learn_from(CONTEXTS, memory, DEFAULTS).probability
    return float(world.traffic @ chances[:, LEADER]), regret


def _attacked(attack: Attack, bound: int | None, chances: Reals, step: int) -> tuple[Reals, Reals]:
    """Successes and failures of an attack: clicks on every arm but the leader, which stays silent.

    The request's time_zone lets its sender choose among the four times of a day.
    """
    shown, reactions = attack.each_day(bound)
    kind = "weekend|regular" if step // A_DAY % 7 >= 5 else "weekday|regular"
    cells = np.zeros_like(chances)
    for context in (at for at, key in enumerate(CONTEXTS) if key.endswith(kind)):
        cells[context] = shown / 4 * chances[context]
    others = cells.copy()
    others[:, LEADER] = 0
    clicked = others * min(1.0, reactions / max(float(others.sum()), 1e-9))
    return clicked, cells - clicked
