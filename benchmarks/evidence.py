"""`./dev bench evidence`: how often the A/B read-out is wrong, and how often it finds what is there.

Simulated visitors only; the product's own functions read them out at every look. Seeded: equal runs give equal figures.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from bandit_selector.evidence.exploration import ENOUGH
from bandit_selector.evidence.lift import Array
from bandit_selector.evidence.ratio import LEVEL
from bandit_selector.evidence.split import MISMATCH_BELOW, log_evidence

from benchmarks._evidence_read import ever, verdicts
from benchmarks._evidence_worlds import Population, contexts, fresh

RESULTS: Final = Path(__file__).parent / "results" / "evidence.md"
SIXTY: Final = np.linspace(1 / 60, 1, 60)
GEOMETRIC: Final = np.geomspace(0.01, 1, 120)
EACH: Final = LEVEL / 24


def main(argv: Sequence[str]) -> int:
    """Simulates, prints and writes the table."""
    parser = argparse.ArgumentParser(prog="./dev bench evidence", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    arguments = parser.parse_args(argv)
    rows = [(name, study(arguments.runs)) for name, study in STUDIES.items()]
    text = _table(rows, arguments.runs)
    print(text)
    RESULTS.write_text(text)
    return 0


def _population(population: Population, moments: Array, lift: float) -> Callable[[int], str]:
    def study(runs: int) -> str:
        rng = np.random.default_rng(17)
        called = sum(ever(population.run(rng, moments)[:, None], lift) for _ in range(runs))
        return f"{called} of {runs}"

    return study


def _mornings(lift: float, days: int) -> Callable[[int], str]:
    """Fresh visitors, 133 a day and group, looked at every morning."""

    def study(runs: int) -> str:
        rng = np.random.default_rng(19)
        found = sum(ever(fresh(rng, days, 133, lift=lift).cumsum(axis=0)[:, None], 0.15) for _ in range(runs))
        return f"{found} of {runs}"

    return study


def _splits(shares: Sequence[float], a_day: int) -> Callable[[int], str]:
    """Visitors who come first at the planned share of each day."""

    def study(runs: int) -> str:
        rng = np.random.default_rng(23)
        kinds = np.unique(shares)
        which = np.searchsorted(kinds, shares)
        counts = np.zeros((runs, len(shares), len(kinds), 2))
        treated = rng.binomial(a_day, np.array(shares), size=(runs, len(shares)))
        counts[:, np.arange(len(shares)), which, 0] = treated
        counts[:, np.arange(len(shares)), which, 1] = a_day - treated
        alarmed = log_evidence(counts.cumsum(axis=1), kinds) > -np.log(MISMATCH_BELOW)
        return f"{int(alarmed.any(axis=1).sum())} of {runs}"

    return study


def _found(runs: int) -> str:
    rng = np.random.default_rng(29)
    number = max(1, runs // 100)
    found = [
        verdicts(contexts(rng, 1_000, 1, 0.3)[-1][..., None, :, :, :], 0.15, EACH, ENOUGH)[0].sum()
        for _ in range(number)
    ]
    return f"{np.mean(found):.1f} of 24 contexts, mean of {number} runs"


STUDIES: Final[dict[str, Callable[[int], str]]] = {
    "A/A, 1,900 and 100 visitors, 60 looks: called": _population(Population(100, 1900, 1.8, 0.5, 0.4), SIXTY, 0.15),
    "A/A, 600 a group, heavy visitors, PLANNED_LIFT 1, 120 looks: called": _population(
        Population(600, 600, 1.8, 1.0), GEOMETRIC, 1.0
    ),
    "A/A, 133 new visitors a day and group, 90 mornings: called": _mornings(0.0, 90),
    "+15 %, 133 new visitors a day and group, 15 mornings: found": _mornings(0.15, 15),
    "a planned split of 80 %, 60 visitors a day, 60 days: alarms": _splits([0.8] * 60, 60),
    "a ramp from 10 to 50 % on day 30, 400 visitors a day: alarms": _splits([0.1] * 30 + [0.5] * 30, 400),
    "+30 % within contexts, 200 movies a visitor: found": _found,
}


def _table(rows: Sequence[tuple[str, str]], runs: int) -> str:
    lines = "\n".join(f"| {name} | {figure} |" for name, figure in rows)
    return f"""# How often the read-out is wrong

`./dev bench evidence --runs {runs}`: simulated visitors, read out by the product's own functions at every look.

| study | runs |
|---|---|
{lines}
"""
