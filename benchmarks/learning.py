"""Does the learning rule, as served, beat the field? Regret of the product's rules and of other libraries'.

`./dev bench learning` writes benchmarks/results/learning.md and .svg; `--quick` prints a small version in a minute.
Games are kept in .local/bench/games, so that a study can be played in parts.
"""

import argparse
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.progress import Progress

from benchmarks.arena import field, report
from benchmarks.arena.environments import ENVIRONMENTS, NEW, OUTSIDE
from benchmarks.arena.peers import REQUIREMENTS
from benchmarks.arena.policies import POLICIES

RESULTS = Path(__file__).parent / "results"
HELD_OUT = 50_100  # the first seed of the tables; the rule was chosen on seeds below 50,000
DEVELOPMENT = 1_000  # seeds that are used up
TAIL = 70_000  # the first seed of the worst runs
EVERYWHERE = [*ENVIRONMENTS, *OUTSIDE]
OURS = ("as served", "as served, alert", "independent")
MAIN = (*OURS, "shared, unguarded", "uniform")
LONG, LONG_SEEDS = 200_000, 5  # decisions, and how many of the seeds are played there
TAIL_RUNS = 200
TRIED = (
    "unguarded, empirical Bayes",
    "alert, half-life 50,000",
    "alert, half-life 100,000",
    "alert, short half-life 4,000",
    "alert, forgets when certain",
    "alert, forgets in a tide",
)
PICTURE = "matplotlib==3.10.8"
PARTS = ("main", "tails", "new", "trial", "short", "long", "peers")
"""What `--parts` can ask for; a part that is not asked for is reported as far as its games are kept."""


@dataclass(frozen=True, slots=True)
class Study:
    """What is played, and with how many processes; a part that was not asked for has none."""

    options: argparse.Namespace
    progress: Progress
    seeds: list[int]

    def play(self, part: str, rounds: field.Rounds, horizon: int | None = None) -> field.Games:
        processes = self.options.processes if part in self.options.parts else 0
        return field.play(rounds, horizon or self.options.horizon, processes, self.progress)

    def against_peers(
        self, part: str, policies: Iterable[str], worlds: list[str], seeds: list[int], horizon: int | None = None
    ) -> field.Games:
        peers = [(peer, worlds, seeds) for peer in self.options.teams]
        ours = self.play(part, [(field.ours(policies), worlds, seeds)], horizon)
        return ours | self.play("peers" if part == "main" else part, peers, horizon)


def main(argv: list[str]) -> int:
    options = _options(argv)
    began = perf_counter()
    first = DEVELOPMENT if options.quick else HELD_OUT
    with Progress() as progress:
        options.teams, absent = _peers(options.peers)
        study = Study(options, progress, list(range(first, first + options.seeds)))
        games = study.against_peers("main", OURS if options.quick else MAIN, EVERYWHERE, study.seeds)
        parts = [_main_part(games, absent, options.horizon)]
        if not options.quick:
            parts += [_tail_part(study), _new_part(study), _trial_part(study), *_horizon_parts(study)]
    parts.append(_timing_part())
    minutes = (perf_counter() - began) / 60
    parts.append(f"Ran in {minutes:.0f} minutes with {options.processes} processes, without the games kept before.\n")
    text = "\n".join(parts)
    print(text)
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "learning.md").write_text(text, encoding="utf-8")
        _draw(games, options.horizon)
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench learning", description="Regret of bandit rules in synthetic worlds."
    )
    parser.add_argument("--quick", action="store_true", help="5,000 decisions, 2 seeds, no other libraries")
    parser.add_argument("--seeds", type=int, help="worlds per environment (default 20)")
    parser.add_argument("--horizon", type=int, help="decisions per world (default 30,000)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--peers", help=f"which libraries play, such as vw-squarecb,river-ts; none; default all: "
                        f"{', '.join(REQUIREMENTS)}")  # fmt: skip
    parser.add_argument(
        "--parts", help=f"what is played now, of {','.join(PARTS)}; of the others, kept games are shown"
    )
    options = parser.parse_args(argv)
    options.seeds = options.seeds or (2 if options.quick else 20)
    options.horizon = options.horizon or (5_000 if options.quick else 30_000)
    named = options.peers or ("none" if options.quick else ",".join(REQUIREMENTS))
    options.peers = [] if named == "none" else named.split(",")
    options.parts = options.parts.split(",") if options.parts else PARTS
    return options


def _peers(names: Iterable[str]) -> tuple[list[field.Team], list[str]]:
    """The libraries that could be installed, and why the others could not."""
    asked = [field.installed(peer) for peer in names]
    return [a for a in asked if isinstance(a, field.Team)], [a for a in asked if isinstance(a, str)]


def _main_part(games: field.Games, absent: list[str], horizon: int) -> str:
    missing = "".join(f"- {reason}\n" for reason in absent)
    ours = [policy for policy in POLICIES if any(p == policy for p, *_ in games)]
    return f"""# Learning: regret in synthetic worlds

Synthetic results, made by `./dev bench learning`. **As served** is the rule with all defaults: what a visitor gets,
with the floor of .1 % a cell and the cap of 70 % of all traffic. `alert` is the same with DOMINANCE=alert, where the
cap only tells; `unguarded` has neither floor nor cap.

Cumulative regret (expected clicks lost against the best arm) after {horizon:,} decisions, mean ± standard error over
seeds; every policy meets the same visitors with the same seeds and learns after every 25 decisions (E3: late); the
shared rule publishes at most 300 times. Lower is better. The seeds were not used to choose the rule.

`rel`: geometric mean over E1–E6 of mean regret / that of independent Beta(1, 1) Thompson sampling without floor and cap
on the same seeds, with a bootstrap interval over seeds. E7 (contexts that share nothing) is against the rule's
assumptions, and outside `rel`. In E1 there is one context, so the cap takes from its best arm throughout.

{report.regret_table(games, EVERYWHERE)}
{missing}
![Regret over time](learning.svg)

## Shares of the traffic that one arm had

The largest, of all decisions / of 5,000 decisions in a row; medians over seeds.

{report.share_table(games, ours, EVERYWHERE)}
"""


def _new_part(study: Study) -> str:
    few, policies = study.seeds[:10], (*OURS, "as served, days")
    games = study.against_peers("new", policies, list(NEW), few)
    return f"""## Other worlds

W: four weeks with a clock, in which weekends have more traffic and another best arm (shares: of four weeks / of a day).
S: all arms sink together, and rise again. F: ten factors and twelve arms, 100 contexts visited. `days` is as served
with DOMINANCE_OVER=days, where the cap holds on weekdays and on weekends each.

{report.regret_table(games, list(NEW))}

{report.share_table(games, policies, list(NEW))}
"""


def _tail_part(study: Study) -> str:
    one = field.ours((*OURS, "shared, unguarded"))
    seeds, worlds = list(range(TAIL, TAIL + TAIL_RUNS)), ["E2", "E6", "E7"]
    some = seeds[: 2 * study.options.seeds]
    games = study.play("tails", [(one, ["E1"], seeds), (field.ours(OURS), worlds, some)])
    tables = [f"{world}\n\n{report.tail_table(games, one.policies, world)}\n" for world in ("E1", *worlds)]
    return f"## Worst runs, fresh seeds\n\nE1 is one context.\n\n{chr(10).join(tables)}"


def _trial_part(study: Study) -> str:
    seeds = list(range(DEVELOPMENT, DEVELOPMENT + study.options.seeds))
    rules = field.ours(("as served, alert", "shared, unguarded", "independent"))
    worlds = [*EVERYWHERE, "S"]
    games = study.play("trial", [(team, worlds, seeds) for team in (rules, field.trial(TRIED))])
    return f"""## What was tried and not adopted

On development seeds. Empirical Bayes: every tenth publication the prior scales move towards more evidence, between half
and twice the product's. "When certain": an arm is forgotten only if it differs by three standard errors from what moved
all arms. "In a tide": whatever the others did.

{report.regret_table(games, worlds)}

{report.tail_table(games, [*rules.policies, *TRIED], "E2")}
"""


def _horizon_parts(study: Study) -> list[str]:
    parts = ["## Other horizons\n"]
    for part, horizon, most in (("short", 5_000, len(study.seeds)), ("long", LONG, LONG_SEEDS)):
        games = study.against_peers(part, OURS, list(ENVIRONMENTS), study.seeds[:most], horizon)
        parts.append(f"T = {horizon:,}\n\n{report.regret_table(games, list(ENVIRONMENTS))}\n")
    return parts


def _timing_part() -> str:
    return f"""## Speed: CPU time of one thread

{report.timing_table(field.timings())}
"""


def _draw(games: field.Games, horizon: int) -> None:
    """The picture, from the mean curve of every policy in every world."""
    worlds: dict[str, dict[str, list[float]]] = {}
    for policy, world, _ in games:
        if world in EVERYWHERE:
            curves = [game.regret for (p, w, _), game in games.items() if (p, w) == (policy, world)]
            worlds.setdefault(world, {})[policy] = np.mean(curves, axis=0).round(1).tolist()
    source = field.ENVIRONMENTS / "curves.json"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(json.dumps([horizon, worlds]), encoding="utf-8")
    python = field.environment(PICTURE)
    command = [str(python), "-m", "benchmarks.arena.picture", str(source), str(RESULTS / "learning.svg")]
    subprocess.run(command, check=True, cwd=field.ROOT)
