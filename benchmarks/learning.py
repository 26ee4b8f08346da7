"""Compares the regret of the product's rules with other libraries' in synthetic worlds.

`./dev bench learning` writes benchmarks/results/learning.md and .svg; `--quick` prints a small version in a minute.
"""

import argparse
import json
import subprocess
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.progress import Progress

from benchmarks.arena import field, report
from benchmarks.arena.environments import ENVIRONMENTS, OUTSIDE
from benchmarks.arena.peers import REQUIREMENTS
from benchmarks.arena.policies import POLICIES

RESULTS = Path(__file__).parent / "results"
HELD_OUT = 30_000  # the first seed of the tables; the rule was chosen on seeds below 5,000
TAIL = 40_000  # the first seed of E1's worst runs
WORLDS = list(ENVIRONMENTS)
EVERYWHERE = [*WORLDS, *OUTSIDE]
LONG, LONG_PEERS = 200_000, 3  # decisions, and how many of the seeds the libraries play there
PICTURE = "matplotlib==3.10.8"


def main(argv: list[str]) -> int:
    options = _options(argv)
    began = perf_counter()
    seeds = list(range(HELD_OUT, HELD_OUT + options.seeds))
    with Progress() as progress:
        peers, absent = _peers() if not (options.quick or options.no_peers) else ([], [])
        rounds = [(team, EVERYWHERE, seeds) for team in (field.ours(POLICIES), *peers)]
        games = field.play(rounds, options.horizon, options.processes, progress)
        parts = [_main_part(games, absent, options.horizon)]
        if not options.quick:
            parts += [_tail_part(options, progress), _horizon_part(options, seeds, peers, progress)]
    parts.append(_timing_part())
    parts.append(f"Ran in {(perf_counter() - began) / 60:.0f} minutes with {options.processes} processes.\n")
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
    parser.add_argument("--no-peers", action="store_true", help="the product's own rules only")
    options = parser.parse_args(argv)
    options.seeds = options.seeds or (2 if options.quick else 20)
    options.horizon = options.horizon or (5_000 if options.quick else 30_000)
    return options


def _peers() -> tuple[list[field.Team], list[str]]:
    """The libraries that could be installed, and the reasons why others could not."""
    asked = [field.installed(peer) for peer in REQUIREMENTS]
    return [a for a in asked if isinstance(a, field.Team)], [a for a in asked if isinstance(a, str)]


def _main_part(games: field.Games, absent: list[str], horizon: int) -> str:
    missing = "".join(f"- {reason}\n" for reason in absent)
    return f"""# Learning: regret in synthetic worlds

Synthetic results, made by `./dev bench learning`. Cumulative regret (expected clicks lost against the best arm) after
{horizon:,} decisions, mean ± standard error over seeds; every policy meets the same visitors with the same seeds and
learns after every 25 decisions (E3: late); the shared rule publishes at most 600 times. Lower is better. The seeds were
not used to choose the rule.

`rel`: geometric mean over E1–E6 of mean regret / that of independent Beta(1, 1) Thompson sampling on the same seeds,
with a bootstrap interval over seeds. E7 (contexts that share nothing) is against the rule's assumptions, and outside
`rel`. "Floor and cap" is what serving draws from: 1 % floor, 70 % cap.

{report.regret_table(games, EVERYWHERE)}
{missing}
![Regret over time](learning.svg)
"""


def _tail_part(options: argparse.Namespace, progress: Progress) -> str:
    team = field.ours(("shared", "independent"))
    seeds = list(range(TAIL, TAIL + 5 * options.seeds))
    games = field.play([(team, ["E1"], seeds)], options.horizon, options.processes, progress)
    return f"""## Worst runs in one context (E1), fresh seeds

{report.tail_table(games, team.policies)}
"""


def _horizon_part(options: argparse.Namespace, seeds: list[int], peers: list[field.Team], progress: Progress) -> str:
    ours = field.ours(("independent", "shared", "shared, half-life 20,000", "shared, never forgetting"))
    parts = ["## Other horizons: what the half-life costs and gains\n"]
    for horizon, most in ((5_000, len(seeds)), (LONG, LONG_PEERS)):
        rounds = [(ours, WORLDS, seeds), *((peer, WORLDS, seeds[:most]) for peer in peers)]
        games = field.play(rounds, horizon, options.processes, progress)
        parts.append(f"T = {horizon:,}\n\n{report.regret_table(games, WORLDS)}\n")
    return "\n".join(parts)


def _timing_part() -> str:
    return f"""## Speed: CPU time of one thread

{report.timing_table(field.timings())}
"""


def _draw(games: field.Games, horizon: int) -> None:
    """The picture, from the mean curve of every policy in every world."""
    worlds: dict[str, dict[str, list[float]]] = {}
    for policy, world, _ in games:
        if world in ENVIRONMENTS:
            curves = [curve for (p, w, _), curve in games.items() if (p, w) == (policy, world)]
            worlds.setdefault(world, {})[policy] = np.mean(curves, axis=0).round(1).tolist()
    source = field.ENVIRONMENTS / "curves.json"
    source.write_text(json.dumps([horizon, worlds]), encoding="utf-8")
    python = field.environment(PICTURE)
    command = [str(python), "-m", "benchmarks.arena.picture", str(source), str(RESULTS / "learning.svg")]
    subprocess.run(command, check=True, cwd=field.ROOT)
