"""How seldom the ramp's brake errs, and how soon it finds harm. `./dev bench ramp` writes benchmarks/results/ramp.md.

Made-up sites: a fixed population that returns, activity lognormal, each visitor with an own click rate (logit sd .5).
What a cluster of visitors is shown and clicks in an hour is Poisson, which is exact when single visitors are. The brake
looks every hour, as the product does; the vectorised reading is checked against the product's own at every run.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Final

import numpy as np
from bandit_selector.evidence.brake import lift_of
from bandit_selector.evidence.lift import LARGEST, contrast, reach
from bandit_selector.settings import Settings
from numpy.typing import NDArray

from benchmarks.arena.report import table

RESULTS: Final = Path(__file__).parent / "results" / "ramp.md"
FIRST: Final = 18_000  # the first seed
CLUSTERS: Final = 128
RATE: Final = 0.12
HOURS: Final = 24
RAMP: Final = ((0.05, 7), (0.25, 14), (0.5, 69))  # shares and how many days each is in force: 90 in all
DEFAULTS: Final = Settings()
BELOW: Final = DEFAULTS.brake_below or 0.0
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Site:
    """Visitors who return, and how many movies all of them are shown in a day."""

    visitors: int
    movies_a_day: int

    def name(self) -> str:
        return f"{self.visitors:,} visitors, {self.movies_a_day:,} movies a day"


SITES: Final = (Site(2_000, 10_000), Site(20_000, 100_000))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench ramp", description="The brake's errors and its speed.")
    parser.add_argument("--runs", type=int, default=400, help="A/A ramps of each site")
    parser.add_argument("--harms", type=int, default=60, help="runs with harm of each site and share")
    given = parser.parse_args(argv)
    false = [_false_row(site, given.runs) for site in SITES]
    found = [_found_row(site, share, given.harms) for site in SITES for share, _ in RAMP]
    text = f"""# The ramp's brake

Made by `./dev bench ramp --runs {given.runs} --harms {given.harms}`, on made-up sites. BRAKE_BELOW {BELOW:.0%}, a look
every hour, a click rate of {RATE:.0%}. The ramp: {", ".join(f"{s:.0%} for {d} days" for s, d in RAMP)}.

Without any difference (A/A), over 90 days and {90 * HOURS:,} looks. The interval is Clopper and Pearson's, 95 %.

{table(["site", "ramps", "braked falsely", "share", "at most"], false)}

With harm of 20 % from the first hour on: what treatment was shown until the brake, and the days. "Not found" is after
90 days; a quantile that falls on such a run is "–".

{table(["site", "share", "movies shown to treatment: median", "95 %", "days: median", "95 %", "not found"], found)}
"""
    RESULTS.write_text(text)
    print(text)
    return 0


def _false_row(site: Site, runs: int) -> list[str]:
    braked = sum(_ramp_brakes(site, np.random.default_rng(FIRST + run)) for run in range(runs))
    return [site.name(), f"{runs:,}", str(braked), f"{braked / runs:.1%}", f"{_upper(braked, runs):.1%}"]


def _ramp_brakes(site: Site, rng: np.random.Generator) -> bool:
    visitors = _visitors(site, rng)
    return any(_look(_shown(visitors, share, days, 0.0, rng)).any() for share, days in RAMP)


def _found_row(site: Site, share: float, runs: int) -> list[str]:
    shown: list[float] = []
    days: list[float] = []
    lost = 0
    for run in range(runs):
        rng = np.random.default_rng(FIRST + run)
        sums = _shown(_visitors(site, rng), share, 90, -0.2, rng)
        looks = _look(sums)
        lost += not looks.any()
        at = int(looks.argmax()) if looks.any() else len(looks) - 1
        shown.append(sums[1, at, 0].sum() if looks.any() else np.inf)
        days.append((at + 1) / HOURS if looks.any() else np.inf)
    figures = [_figure(part, q, digits) for part, digits in ((shown, 0), (days, 1)) for q in (0.5, 0.95)]
    return [site.name(), f"{share:.0%}", *figures, f"{lost} of {runs}"]


def _figure(found: list[float], quantile: float, digits: int) -> str:
    """A quantile of all runs; those without a brake are the largest."""
    figure = float(np.quantile(found, quantile, method="higher"))
    return f"{figure:,.{digits}f}" if figure < np.inf else "–"


@dataclass(frozen=True, slots=True)
class _Visitors:
    point: Array  # of the sticky split
    cluster: NDArray[np.int64]
    hourly: Array  # movies
    chance: Array  # of a click


def _visitors(site: Site, rng: np.random.Generator) -> _Visitors:
    number = site.visitors
    activity = rng.lognormal(sigma=1.0, size=number)
    logit = np.log(RATE / (1 - RATE)) + rng.normal(scale=0.5, size=number)
    return _Visitors(
        rng.random(number),
        rng.integers(CLUSTERS, size=number),
        activity / activity.sum() * site.movies_a_day / HOURS,
        1 / (1 + np.exp(-logit)),
    )


def _shown(visitors: _Visitors, share: float, days: int, lift: float, rng: np.random.Generator) -> Array:
    """Sums up to each hour, [(clicked, shown), hour, group, cluster]; group 0 is treatment."""
    group = (visitors.point >= share).astype(np.int64)
    chance = visitors.chance * np.where(group == 0, 1 + lift, 1.0)
    place = group * CLUSTERS + visitors.cluster
    clicked, other = (
        rng.poisson(np.bincount(place, visitors.hourly * part, 2 * CLUSTERS), (days * HOURS, 2 * CLUSTERS))
        for part in (chance, 1 - chance)
    )
    return np.stack([clicked, clicked + other]).cumsum(axis=1).astype(float).reshape(2, -1, 2, CLUSTERS)


def _look(sums: Array) -> NDArray[np.bool_]:
    """At which hours the upper bound lies below BRAKE_BELOW."""
    high = _upper_bounds(sums)
    for at in np.flatnonzero(np.isfinite(high))[-1:]:
        _check(sums[:, at], float(high[at]))
    return high < BELOW


def _upper_bounds(sums: Array) -> Array:
    """The lift's upper bound at each hour, as evidence.brake.lift_of has it; infinite where it cannot be read.

    Hours whose estimate is not below BRAKE_BELOW cannot brake; their bound is left infinite.
    """
    high = np.full(sums.shape[1], np.inf)
    clicked, shown = sums.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = np.flatnonzero(clicked[:, 0] / shown[:, 0] < (1 + BELOW) * clicked[:, 1] / shown[:, 1])
    if len(lower):
        found = contrast(np.moveaxis(sums[:, lower], 0, -1)[:, None])
        far = found.log_lift + reach(found, DEFAULTS.planned_lift) * found.error
        high[lower] = np.where(found.readable(), np.expm1(np.minimum(far, LARGEST)), np.inf)
    return high


def _check(sums: Array, high: float) -> None:
    """Raises RuntimeError if the product reads another bound."""
    rows = [(name, c, int(x), int(n)) for name, c, (x, n) in _rows(sums)]
    lift = lift_of(rows, DEFAULTS.planned_lift)
    theirs = lift.relative.high if lift else np.inf
    if not isclose(theirs, high, rel_tol=1e-9, abs_tol=1e-9):
        raise RuntimeError(f"The product's bound is {theirs}, the benchmark's {high}.")


def _rows(sums: Array) -> Iterator[tuple[str, int, Array]]:
    for at, name in enumerate(("treatment", "control")):
        for cluster in range(CLUSTERS):
            yield name, cluster, sums[:, at, cluster]


def _upper(found: int, runs: int) -> float:
    """The upper end of Clopper and Pearson's 95 % interval, by bisection."""
    low, high = found / runs, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(found, runs, middle) > 0.025 else (low, middle)
    return high


def _at_most(found: int, runs: int, chance: float) -> float:
    """P(no more than `found` of `runs`)."""
    term = total = (1 - chance) ** runs
    for number in range(1, found + 1):
        term *= (runs - number + 1) / number * chance / (1 - chance)
        total += term
    return total
