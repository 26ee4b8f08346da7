"""`./dev bench faults`: the fault tests with more messages and a longer hold; accounts for every message.

The scenes are those of tests/e2e/faults, which `./dev test` plays with a thousand messages each: consumers killed,
PostgreSQL restarted, connections cut, time-outs, repeats, wrong clocks, poison, a queue without a reader. At its end
each scene compares all tables with a slow reference in plain Python; a difference fails the run.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

COMMAND = "./dev bench faults"
RESULTS = Path(__file__).parent / "results" / "faults.md"
SCENES = "tests/e2e/faults"
LINE = re.compile(
    r"^(.+) \| sent ([\d,]+) \| applied ([\d,]+) \| lost ([\d,]+) \| counted twice ([\d,]+)$", re.MULTILINE
)


def main(argv: Sequence[str]) -> int:
    """Plays every scene, prints and writes the table; pytest's exit code if a scene failed."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--scale", type=int, default=5, help="times the tests' thousand messages in each scene")
    parser.add_argument("--held", type=int, default=150, help="seconds without a reader for the held queue")
    arguments = parser.parse_args(argv)
    environment = {"FAULT_SCALE": str(arguments.scale), "FAULT_HELD_SECONDS": str(arguments.held)}
    with Console(stderr=True).status("Playing the scenes (minutes) ..."):
        played = subprocess.run(
            [sys.executable, "-m", "pytest", SCENES, "-n", "0", "-s", "-q"],
            env={**os.environ, **environment},
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    table = report(LINE.findall(played.stdout), arguments.held)
    print(table if played.returncode == 0 else played.stdout)
    if played.returncode == 0:
        RESULTS.write_text(table)
    return played.returncode


def report(lines: Sequence[Sequence[str]], held: int) -> str:
    """One row per scene."""
    return "\n".join(
        [
            "# What happens to feedback when things break",
            "",
            f"`{COMMAND}`: the scenes of {SCENES}, the whole way from the queue to the tables,",
            f"each compared with a slow reference cell by cell. The held queue was held for {held} seconds. A message",
            "that finds no impression is applied, too: it is recorded with its reason.",
            "",
            "| what happens | messages sent | applied | lost | counted twice |",
            "|---|---|---|---|---|",
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
        ]
    )
