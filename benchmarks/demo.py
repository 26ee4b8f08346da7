"""`./dev bench demo`: where a visit of the demo spends processor time, and how many visits a second that allows.

Runs the demo twice, the second time with twice the visits. The difference is what that many visits cost: starts and
imports are in both. Clock times depend on what else the machine does, processor time much less.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

COMMAND: Final = "./dev bench demo"
RESULTS: Final = Path(__file__).parent / "results" / "demo.md"
LOOK_SECONDS: Final = 0.2
RUNTIME_CLIENT: Final = "awslambdaric"
SERVICE: Final = "the gateway, the queue's poller, the visitors and their other lists"
DATABASE: Final = "PostgreSQL"
AWS: Final = "moto"


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
    table = report(_run(asked.requests), _run(2 * asked.requests))
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
    used: dict[int, tuple[str, float]] = {}
    while demo.is_running() and demo.status() != psutil.STATUS_ZOMBIE:
        for process in [demo, *demo.children(recursive=True)]:
            try:
                times = process.cpu_times()
                used[process.pid] = part_of(process.cmdline()), times.user + times.system
            except psutil.NoSuchProcess:  # it ended meanwhile
                continue
        time.sleep(LOOK_SECONDS)
    added: dict[str, float] = defaultdict(float)
    for part, seconds in used.values():
        added[part] += seconds
    return added


def part_of(command: Sequence[str]) -> str:
    """What a process of the demo is, by its command line."""
    if RUNTIME_CLIENT in command:
        return f"`{'.'.join(command[-1].split('.')[1:-1])}` under the runtime client"
    if any("postgres" in word for word in command[:1]):
        return DATABASE
    return AWS if "granian" in command else SERVICE


def report(once: Run, twice: Run) -> str:
    """The table: milliseconds of processor time that one more visit costs, by part."""
    more = twice.visits - once.visits
    cost = {part: 1000 * (spent - once.seconds.get(part, 0.0)) / more for part, spent in twice.seconds.items()}
    whole, cores = sum(cost.values()), os.cpu_count() or 1
    rows = sorted(cost.items(), key=lambda item: -item[1])
    return "\n".join(
        [
            "# Where a visit of the demo spends its time",
            "",
            f"`{COMMAND} --requests {once.visits}`: runs of {once.visits:,} and {twice.visits:,} visits on {cores}",
            "cores. A visit is a list of ten, the other group's list, and what the visitor reports, gathered as by the",
            "browser client. Synthetic world.",
            "",
            "| | ms of processor time a visit | share |",
            "|---|---|---|",
            *(f"| {part} | {spent:.2f} | {spent / whole:.0%} |" for part, spent in rows),
            f"| all | {whole:.2f} | 100% |",
            "",
            f"{cores} cores that do nothing else could make {cores * 1000 / whole:,.0f} visits a second. The second",
            f"run made {twice.whole:,.0f} in all and {twice.steady:,.0f} in its second half.",
            "",
        ]
    )
