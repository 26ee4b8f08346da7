"""How far can one visitor steer what is learned and what the test says, with and without bounds? All data is synthetic.

`./dev bench influence` plays three attacks, in 13 seconds and spread over seven days: one token with 60 lists of 50
places and 1,000 reactions against the arm that leads; ten accounts with 200 clicks each on the bandit's lists of an A/A
test; one account with 5,000 clicks on control lists while the truth is +20 %. It prints how far the attacked arm moves,
which verdicts change, and what the same bounds cost honest visitors.
"""

import argparse
from pathlib import Path

from benchmarks import _influence_learning as learning
from benchmarks import _influence_trade as trading
from benchmarks import _influence_verdict as verdict
from benchmarks.arena.report import table

RESULTS = Path(__file__).parent / "results" / "influence.md"
BOUNDS: tuple[int | None, ...] = (None, 30, 60, 100, 200)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench influence", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="runs of each attack (default 20)")
    runs = parser.parse_args(argv).runs
    text = report(runs)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return 0


def report(runs: int) -> str:
    """The whole page; figures are means over the runs."""
    bounds = ["without", *(f"{bound}" for bound in BOUNDS[1:])]
    moved = [
        [name, *(f"{value:.3f}" if at == 0 else f"{value:.3f} ({value / row[0]:.0%})" for at, value in enumerate(row))]
        for name, row in learning.attacks(BOUNDS, runs).items()
    ]
    lost = [
        [name, *(f"{share:.1%} / {regret:+.1%}" for share, regret in row)]
        for name, row in learning.honest(BOUNDS, runs).items()
    ]
    changed = [[name, *(f"{count} of {runs}" for count in row)] for name, row in verdict.attacks(BOUNDS, runs).items()]
    power = [[name, *(f"{kept:.1%}" for kept in row)] for name, row in verdict.honest(BOUNDS).items()]
    weights, weighed, lighter = _trade(runs)
    return f"""# A visitor's influence

Made by `./dev bench influence --runs {runs}`. Synthetic visitors; a column is MAX_PLACES_PER_VISITOR.

How far the attacked arm's mean probability moves ({learning.SITE}); in brackets, against without a bound:

{table(["attack", *bounds], moved)}

What the bound costs honest visitors: share of their places that do not count / regret of seven days against without:

{table(["site", *bounds], lost)}

Verdicts that an attack changed. "plain" compares sums; "winsorised" caps each visitor's totals alike in both groups:

{table(["attack and test", *bounds], changed)}

Power that honest visitors keep: (z with bound and winsorising / z without)²:

{table(["site", *bounds], power)}

What a bound on an account's weight over the whole week would do, in places, with clicks bounded as in the verdict (it
is not built: see decision 10). How far the attacked arm moves, against without a bound:

{table(["attack", *weights], weighed)}

What it would cost: share of honest places that would not count / regret of seven days against without:

{table(["site", "places a week of the average visitor", *weights], lighter)}
"""


def _trade(runs: int) -> tuple[list[str], list[list[str]], list[list[str]]]:
    """The columns and both tables of what a bound over the week would do and cost."""
    found = trading.trade(runs)
    moved = [[name, *(f"{value / row[0]:.0%}" for value in row[1:])] for name, row in found.moved.items()]
    cost = [
        [
            name,
            f"{average:.0f}",
            *(f"{lost:.0%} / {regret:+.1%}" for lost, regret in zip(*found.costs(name), strict=True)),
        ]
        for name, average in found.average.items()
    ]
    return [f"{weight}" for weight in trading.WEIGHTS], moved, cost
