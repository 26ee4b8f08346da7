"""How often does forgetting fire without a reason? A simulated year in which no arm's own rate changes.

`./dev bench forgetting` plays quiet and busy sites, with a weekly cycle of traffic, outcomes that come in lumps, clicks
clumped in lists (variance 2.2 × binomial), and tides that lift or sink all arms for a day. Prints, per site, how often
an arm was forgotten and the largest z, next to the threshold.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bandit_selector.learning.memory import Ages, Memory
from bandit_selector.learning.refutation import Forgetting, refute, standing, surprising
from bandit_selector.lists.context import moment_of
from bandit_selector.services.learning_rule import half_lives
from bandit_selector.settings import Settings

from benchmarks.arena.environments import ARMS, CONTEXTS, Reals
from benchmarks.arena.report import table

RESULTS = Path(__file__).parent / "results" / "forgetting.md"
LIVES = half_lives(Settings())
MINUTES = 24 * 60
MOMENTS = [moment_of(key) for key in CONTEXTS]
SHARES = np.array([0.6, 0.2, 0.1, 0.06, 0.03, 0.01])


@dataclass(frozen=True, slots=True)
class Site:
    """`outcomes` a day on average; minutes between looks, whose outcomes are one lump; what a tide does to rates."""

    name: str
    outcomes: float
    minutes: int
    tide: float = 1.0


SITES = (
    Site("20,000 outcomes a day", 2e4, 10),
    Site("a million a day", 1e6, 2),
    Site("a million a day, in lumps of an hour", 1e6, 60),
    Site("100 lists/s", 2.6e8, 5),
    Site("20,000 a day; every fifth day all rates × 0.5", 2e4, 10, 0.5),
    Site("20,000 a day; every fifth day all rates × 1.4", 2e4, 10, 1.4),
    Site("a million a day; every fifth day all rates × 0.5", 1e6, 5, 0.5),
    Site("a million a day; every fifth day all rates × 1.4", 1e6, 5, 1.4),
)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench forgetting", description="False alarms of forgetting.")
    parser.add_argument("--days", type=int, default=365, help="simulated days per site (default 365)")
    days = parser.parse_args(argv).days
    rows = [_row(site, days, seed) for seed, site in enumerate(SITES)]
    head = ["site", "days", "looks", "forgotten", "largest z", "of them apart from the tide", "threshold z"]
    text = f"# False alarms of forgetting\n\nMade by `./dev bench forgetting --days {days}`.\n\n{table(head, rows)}\n"
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _row(site: Site, days: int, seed: int) -> list[str]:
    told, own, apart = simulate(site, days, np.random.default_rng([50_000, seed]))
    looks = days * MINUTES // site.minutes
    limit = surprising(len(ARMS))
    return [site.name, str(days), f"{looks:,}", str(len(told)), f"{own:.2f}", f"{apart:.2f}", f"{limit:.2f}"]


def simulate(site: Site, days: int, rng: np.random.Generator) -> tuple[list[Forgetting], float, float]:
    """What was forgotten in the days, the largest z of any arm, and the largest once tides are taken out."""
    rates = 1 / (1 + np.exp(2 - rng.normal(0, 0.5, (len(CONTEXTS), len(ARMS)))))
    chances = np.array([rng.permutation(SHARES) for _ in CONTEXTS])
    memory, ages = Memory.empty(*rates.shape), Ages(*(np.zeros(()) for _ in range(3)))
    told: list[Forgetting] = []
    largest = np.zeros(2)
    for minute in range(0, days * MINUTES, site.minutes):
        places = rng.poisson(_places(site, minute)[:, None] * chances).astype(float)
        tide = site.tide if minute // MINUTES % 5 == 4 else 1.0
        successes = clumped(places, rates * tide, rng)
        now = ages.after(places.sum(), site.minutes * 60, LIVES)
        memory, ages = memory.aged(ages, now).plus(successes, places - successes), now
        stands = standing(memory, MOMENTS)
        largest = np.maximum(largest, [stands.own.max(), stands.apart.max()])
        if stands.refuted(len(ARMS)).any():
            memory, new = refute(memory, ARMS, MOMENTS)
            told += new
    return told, float(largest[0]), float(largest[1])


def _places(site: Site, minute: int) -> Reals:
    """Expected places per context in the minutes before a look: a daily wave, and half as much again at weekends."""
    hour, day = minute / 60 % 24, minute // MINUTES % 7
    period = 0 if 5 <= hour < 12 else 1 if 12 <= hour < 17 else 2 if 17 <= hour < 22 else 3
    wave = (1 + 0.8 * np.sin((hour - 14) / 24 * 2 * np.pi)) * (1.5 if day >= 5 else 0.8)
    places = np.zeros(len(CONTEXTS))
    first = period * 6 + (day >= 5) * 3
    places[first : first + 3] = site.outcomes / MINUTES * site.minutes * wave / 3
    return places


def clumped(places: Reals, rates: Reals, rng: np.random.Generator) -> Reals:
    """Successes in clumps of two and three: mean n·p, variance 2.2·n·p, as the clicks of one list come."""
    pairs, triples = (rng.binomial(places.astype(int), rates * share) for share in (0.4, 0.2 / 3))
    return np.minimum(2.0 * pairs + 3.0 * triples, places)
