"""The processes of a demo by what they are; see `./dev bench demo`."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import psutil

from infra.service import functions

RUNTIME_CLIENT: Final = "awslambdaric"
SERVICE: Final = "the gateway, the queue's poller, the visitors and their other lists"
DATABASE: Final = "PostgreSQL"
AWS: Final = "moto"
IDLE: Final = {name: f"benchmarks._demo_handlers.{name}" for name in ("select", "ingest", "feedback")}
"""By function, the handler that does nothing in place of its own."""
REAL: Final = {IDLE[one.name]: one.handler for one in functions(site_tokens=False) if one.name in IDLE}


def part_of(command: Sequence[str]) -> str:
    """What a process of the demo is, by its command line."""
    if RUNTIME_CLIENT in command:
        handler = REAL.get(command[-1], command[-1])
        return f"`{'.'.join(handler.split('.')[1:-1])}` under the runtime client"
    if any("postgres" in word for word in command[:1]):
        return DATABASE
    return AWS if "granian" in command else SERVICE


def used(demo: psutil.Process) -> dict[int, tuple[str, float]]:
    """The part and the processor seconds of each process that runs now."""
    found: dict[int, tuple[str, float]] = {}
    for process in [demo, *demo.children(recursive=True)]:
        try:
            times, command = process.cpu_times(), process.cmdline()
        except psutil.NoSuchProcess:
            continue
        if command:  # one that has ended no longer says what it was
            found[process.pid] = part_of(command), times.user + times.system
    return found


def added(used: dict[int, tuple[str, float]]) -> dict[str, float]:
    """Seconds by part."""
    sums: dict[str, float] = defaultdict(float)
    for part, seconds in used.values():
        sums[part] += seconds
    return sums


def seconds_of(demo: psutil.Process) -> dict[str, float]:
    """Processor seconds of each part of what runs now."""
    return added(used(demo))
