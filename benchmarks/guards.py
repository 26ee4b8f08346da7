"""What the floor and the cap cost and give. `./dev bench guards` writes benchmarks/results/guards.md.

Floor: regret, and how well logged data evaluate the arm that is always worst. Cap: the share that the leading arm
really has over seven days and over one, when traffic has a daily and a weekly cycle and chance. Propensities: whether
arms are drawn as often as is logged, in lists with drop-outs and reserved places.
"""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from math import isclose
from pathlib import Path
from random import Random

import numpy as np
from bandit_selector.learning.guard import Guards, guard
from bandit_selector.lists.names import arm_of
from bandit_selector.lists.slate import ArmList, Page, Stock, bandit_slate
from bandit_selector.services.learning_rule import AIM
from bandit_selector.settings import Settings

from benchmarks.arena.environments import ARMS, BATCH, CONTEXTS, Environment, Indices, Reals, build
from benchmarks.arena.policies import Served
from benchmarks.arena.report import table
from benchmarks.arena.simulation import play

RESULTS = Path(__file__).parent / "results" / "guards.md"
FIRST = 53_000  # the first seed
FLOORS = (0.0003, 0.001, 0.003, 0.01, 0.03)
HORIZON = 30_000
DEFAULTS = Settings()
WEEKS, BEFORE = 8, 6  # measured, and before that
SITES = {"3,400 places a week": 20, "170,000 places a week": 1000}  # places an hour, about
HALF_LIFE_HOURS = DEFAULTS.traffic_half_life_time.total_seconds() / 3600


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench guards", description="What floor and cap cost and give.")
    parser.add_argument("--seeds", type=int, default=10)
    seeds = range(FIRST, FIRST + parser.parse_args(argv).seeds)
    floors = [_floor_row(floor, seeds) for floor in FLOORS]
    cap = DEFAULTS.max_algorithm_dominance
    aims = [_aim_row(site, aim, seeds) for site in SITES for aim in (cap, cap - AIM, cap - 2 * AIM)]
    drawn = [_propensity_row(seed) for seed in seeds[:4]]
    text = f"""# Floor and cap

Made by `./dev bench guards --seeds {len(seeds)}`. Floor: world E2, {HORIZON:,} places, no cap. The error is the
relative standard error of the inverse-propensity estimate of the clicks that the always worst arm would bring.

{table(["floor", "regret", "error for the worst arm"], floors)}

Cap of {cap:.0%}, in worlds where one arm is best nearly everywhere, or on weekdays only, or by day only: shares of the
leading arm over every seven days and every day of {WEEKS} weeks, with traffic that varies by hour, weekday and chance.

The default aims at {cap - AIM:.2f}.

{table(["site", "aims at", "7 days: median", "95 %", "weeks above the cap", "a day: median", "95 %"], aims)}

Propensities: {LISTS * PLACES:,} places a seed; a fifth of them are reserved for the long tail, and two of three arms
run out of movies. For every arm: places drawn − the sum of its chances, in standard errors. That is noise if what is
logged is what was drawn from; it is a martingale, without bins. Every logged propensity equals the published chances of
the arms that have a movie, scaled to sum 1.

{table(["seed", *SHELVES, "places that lacked an arm"], drawn)}
"""
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return 0


@dataclass(slots=True)
class Evaluated(Served):
    """As served; adds up Σ r/p of every arm, for the variance of its inverse-propensity estimate."""

    rates: Reals | None = None
    squares: Reals | None = None

    def draw(self, visits: Indices) -> Indices:
        assert self.rates is not None  # noqa: S101 # given by _evaluated
        assert self.squares is not None  # noqa: S101
        chances = np.diff(self.cumulated[visits], axis=1, prepend=0)
        self.squares += (self.rates[visits] / chances).sum(axis=0)
        return Served.draw(self, visits)


def _floor_row(floor: float, seeds: range) -> list[str]:
    played = [_evaluated(build("E2", HORIZON, seed), seed, floor) for seed in seeds]
    regret, error = np.array(played).T
    return [f"{floor:.2%}", f"{regret.mean():.0f} ± {regret.std() / np.sqrt(len(regret)):.0f}", f"{error.mean():.2f}"]


def _evaluated(world: Environment, seed: int, floor: float) -> tuple[float, float]:
    settings = DEFAULTS.model_copy(update={"min_arm_probability": floor, "dominance": "alert"})
    player = Evaluated(world.contexts, np.random.default_rng([seed, 1]), settings, 4 * BATCH)
    player.rates, player.squares = world.rates[0], np.zeros(len(ARMS))
    regret = play(world, player).regret[-1]
    clicks = world.rates[0][world.visits].sum(axis=0)
    worst = int(clicks.argmin())
    return regret, float(np.sqrt(player.squares[worst] - clicks[worst] ** 2 / world.horizon) / clicks[worst])


def _aim_row(site: str, aim: float, seeds: range) -> list[str]:
    played = [_shares(SITES[site], aim, seed) for seed in seeds]
    weeks, days = (np.concatenate(shares) for shares in zip(*played, strict=True))
    above = float(np.mean(weeks > DEFAULTS.max_algorithm_dominance))
    figures = (np.median(weeks), np.quantile(weeks, 0.95)), (np.median(days), np.quantile(days, 0.95))
    (week, wide_week), (day, wide_day) = figures
    return [site, f"{aim:.2f}", f"{week:.3f}", f"{wide_week:.3f}", f"{above:.1%}", f"{day:.3f}", f"{wide_day:.3f}"]


def _shares(hourly: float, aim: float, seed: int) -> tuple[Reals, Reals]:
    """The leading arm's share over every seven days, and every day, that end at midnight."""
    rng = np.random.default_rng([seed, 2])
    mean = _leading(rng)
    best = np.eye(len(ARMS))[mean.argmax(axis=1)]
    seen, placed, busy = np.zeros(len(CONTEXTS)), list[Indices](), 1.0
    kinds, weekend = rng.dirichlet([5, 5, 5]), rng.uniform(0.7, 1.6)
    for hour in range(24 * 7 * (BEFORE + WEEKS)):
        busy = np.sqrt(busy) * np.exp(rng.normal(0, 0.15)) if hour % 24 == 0 else busy
        visits = _visits(hour, hourly * busy, weekend, kinds, rng)
        chances = guard(best, mean, (seen + 1) / (seen + 1).sum(), Guards(DEFAULTS.min_arm_probability, aim))
        placed.append(rng.multinomial(visits.astype(int), chances / chances.sum(axis=1, keepdims=True)).sum(axis=0))
        seen = seen * 0.5 ** (1 / HALF_LIFE_HOURS) + visits
    by_day = np.array(placed).reshape(-1, 24, len(ARMS)).sum(axis=1)[7 * BEFORE :]
    total = np.vstack([np.zeros(len(ARMS)), by_day.cumsum(axis=0)])
    by_week = np.array([total[end] - total[end - 7] for end in range(7, len(total))])
    return by_week.max(axis=1) / by_week.sum(axis=1), by_day.max(axis=1) / by_day.sum(axis=1)


SHELVES = {"svd": list(range(1, 8)), "graph": list(range(5, 40)), "item_cf": [2, 4, *range(30, 90)]}
PUBLISHED = {"svd": 0.719, "graph": 0.28, "item_cf": 0.001}
LISTS, PLACES = 20_000, 25


def _propensity_row(seed: int) -> list[str]:
    """Even movies are long tail."""
    lists = {
        arm: ArmList(ids, [1 - at / 99 for at in range(len(ids))], [movie % 2 == 0 for movie in ids])
        for arm, ids in SHELVES.items()
    }
    page, lacking = Page(0, PLACES, 0.2), 0
    excess, variance = dict.fromkeys(SHELVES, 0.0), dict.fromkeys(SHELVES, 0.0)
    for number in range(LISTS):
        shown: set[int] = set()
        reserved = page.reserved(Random(f"{seed} {number}"))
        for place in bandit_slate(Stock(lists, {}), PUBLISHED, page, Random(f"{seed} {number}")):
            chances = _chances_left(shown, reserved[place.position - 1])
            drawn = arm_of(place.algorithm) or ""
            if not isclose(place.propensity or 0, chances[drawn], rel_tol=1e-7):
                raise ValueError(f"A place was logged with {place.propensity}, and drawn from {chances[drawn]}.")
            excess[drawn] += 1
            for arm, chance in chances.items():
                excess[arm] -= chance
                variance[arm] += chance * (1 - chance)
            shown.add(place.movie_id)
            lacking += len(chances) < len(SHELVES)
    away = [f"{excess[arm] / np.sqrt(variance[arm]):+.2f}" for arm in SHELVES]
    return [str(seed), *away, f"{lacking / LISTS / PLACES:.0%}"]


def _chances_left(shown: set[int], only_long_tail: bool) -> dict[str, float]:
    """The published chances of the arms that have a movie for a place, scaled to sum 1: from the rule's definition."""
    left = {arm: [m for m in movies if m not in shown] for arm, movies in SHELVES.items()}
    tail = {arm: [m for m in movies if m % 2 == 0] for arm, movies in left.items()}
    offers = tail if only_long_tail and any(tail.values()) else left
    total = sum(PUBLISHED[arm] for arm, movies in offers.items() if movies)
    return {arm: PUBLISHED[arm] / total for arm, movies in offers.items() if movies}


def _leading(rng: np.random.Generator) -> Reals:
    """Rates in which one arm leads nearly everywhere, on weekdays, or not at night; the last two in whole days."""
    mean = 0.05 + rng.normal(0, 0.004, (len(CONTEXTS), len(ARMS)))
    kind = rng.integers(3)
    for row, context in enumerate(CONTEXTS):
        led = (rng.random() < 0.9, "weekday" in context, not context.startswith("night"))[kind]
        mean[row, 0 if led else 1] += rng.uniform(0.005, 0.06)
    return mean


def _visits(hour: int, busy: float, weekend: float, kinds: Reals, rng: np.random.Generator) -> Reals:
    of_day, free = hour % 24, hour // 24 % 7 >= 5
    period = next(
        p for p, (start, end) in enumerate(pairwise((5, 12, 17, 22, 29))) if start <= (of_day - 5) % 24 + 5 < end
    )
    wave = 1 + 0.8 * np.sin((of_day - 14) / 24 * 2 * np.pi)
    visits = np.zeros(len(CONTEXTS))
    first = period * 6 + free * 3
    visits[first : first + 3] = rng.poisson(busy * wave * (weekend if free else 1) * kinds)
    return visits
