"""`./dev bench demo`: where a visit of the demo spends processor time, and how many visits a second that allows.

Runs the demo twice, the second time with twice the visits. The difference is what that many visits cost: starts and
imports are in both. Between them come as many visits to handlers that do nothing: what the emulation takes alone.
Clock times depend on what else the machine does, processor time much less.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks._demo_bare import bare_seconds
from benchmarks._demo_parts import added, used

COMMAND: Final = "./dev bench demo"
RESULTS: Final = Path(__file__).parent / "results" / "demo.md"
LOOK_SECONDS: Final = 0.2
AIM: Final = 150  # visits a second


@dataclass(frozen=True, slots=True)
class Run:
    """One demo: its visits, its rates (a second), and seconds of processor time by part."""

    visits: int
    whole: float
    steady: float
    seconds: Mapping[str, float]


def main(argv: Sequence[str]) -> int:
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, help="visits of the first run (default: 3000)")
    asked = parser.parse_args(argv)
    once, bare, twice = _run(asked.requests), bare_seconds(asked.requests), _run(2 * asked.requests)
    table = report(once, twice, bare)
    RESULTS.write_text(table)
    print(table)
    return 0


def _run(visits: int) -> Run:
    command = [sys.executable, "-m", "infra.local", "demo", "--requests", str(visits), "--exit", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        seconds = _watched(psutil.Process(demo.pid))
        said, _ = demo.communicate()
    if demo.returncode:
        raise SystemExit(f"The demo ended with exit code {demo.returncode}; its words are above.")
    result = json.loads(said.splitlines()[-1])
    return Run(visits, result["rate"]["whole"], result["rate"]["steady"], seconds)


def _watched(demo: psutil.Process) -> dict[str, float]:
    """Processor seconds of each part until the demo ends."""
    known: dict[int, tuple[str, float]] = {}
    while demo.is_running() and demo.status() != psutil.STATUS_ZOMBIE:
        known |= used(demo)
        time.sleep(LOOK_SECONDS)
    return added(known)


def report(once: Run, twice: Run, bare: Mapping[str, float]) -> str:
    """The table: milliseconds of processor time that one more visit costs, by part.

    `bare` has the seconds of as many visits as `once` where handlers do nothing.
    """
    more = twice.visits - once.visits
    emulation = {part: 1000 * spent / once.visits for part, spent in bare.items()}
    cost = {part: 1000 * (spent - once.seconds.get(part, 0.0)) / more for part, spent in twice.seconds.items()}
    whole, alone, cores = sum(cost.values()), sum(emulation.values()), os.cpu_count() or 1
    rows = sorted(cost.items(), key=lambda item: -item[1])
    return "\n".join(
        [
            "# Where a visit of the demo spends its time",
            "",
            f"`{COMMAND} --requests {once.visits}`: runs of {once.visits:,} and {twice.visits:,} visits on {cores}",
            "cores. A visit is a list of ten, the other group's list, and what the visitor reports, gathered as by the",
            "browser client. Synthetic world.",
            "",
            "| | ms of processor time a visit | share | where the handlers do nothing |",
            "|---|--:|--:|--:|",
            *(f"| {part} | {spent:.2f} | {spent / whole:.0%} | {emulation.get(part, 0):.2f} |" for part, spent in rows),
            f"| all | {whole:.2f} | 100% | {alone:.2f} |",
            "",
            "The last column is the emulation alone: the same visitors, gateway, runtime client, queue and poller.",
            "There, lists are always the same, feedback goes to the queue as it came, and nothing is read or stored.",
            "Visitors like such lists less and report less, so this is the least that it takes.",
            f"{AIM} visits a second would leave {1000 * cores / AIM:.1f} ms of {cores} cores for a visit.",
            f"The emulation takes {alone:.1f} alone, the database and what the product does {whole - alone:.1f} more.",
            "",
            f"{cores} cores that do nothing else could make {cores * 1000 / whole:,.0f} visits a second. The second",
            f"run made {twice.whole:,.0f} in all and {twice.steady:,.0f} in its second half.",
            "",
        ]
    )
