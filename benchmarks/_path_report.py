"""The tables of `./dev bench path`."""

import argparse
from collections.abc import Mapping
from typing import Any

from benchmarks import _path_load as load
from benchmarks._path_walk import Path

COMMAND = "./dev bench path"


def report(measured: Any, arguments: argparse.Namespace, cores: int) -> str:
    """All figures with their aims and ratios; then the same figures by number of impressions."""
    lines = [
        "# What a list costs on its way through PostgreSQL",
        "",
        f"`{COMMAND}` on {cores} cores: lists of {load.PLACES} with {load.REACTIONS} reactions each;",
        f"{arguments.history:,} impressions are there already, the lists in 16 weekly partitions and a default one.",
        "Machines differ: read bytes and ratios. CPU is the backend's own, without the work for flushes. The handlers",
        "do not wait for a flush, which would cost all of them the same. full_page_writes is off, as on Aurora.",
        f"Each way has a server of its own with {arguments.buffers} of shared buffers.",
        "The bare writes are a message's row in the log, the lock on its list, its reaction and the cells, without the",
        "rule that says what they are; all of their messages name their impression, of the others four in five.",
        "Handlers and consumers take turns. Their figures are medians, and so is the CPU to read, record and count.",
        "",
        "| | one row a list | version 1.0 | × | existing application | aim | |",
        "|---|--:|--:|--:|--:|---|---|",
        *_rows(measured),
        "",
        *_steps(measured.product, measured.former),
        "",
        f"The guide's query of 7 days reads {measured.partitions[0]} of {measured.partitions[1]} partitions.",
        "The existing application settles nothing, and its own way to find movies is not measured. Stored bytes are",
        "those after a vacuum when all is settled; none runs before, so that an update that is not HOT stays visible.",
        "",
    ]
    return "\n".join(lines)


def _rows(measured: Any) -> list[str]:
    new, old, existing, asked = measured.product, measured.former, measured.existing, measured.handlers
    settling, former_settling = _of_cpu(new.settle), _of_cpu(old.settle)
    counts, former_counts = measured.consumers.new, measured.consumers.former
    early, written = measured.consumers.early.elapsed, measured.consumers.bare.elapsed
    bare, faster = asked.handler / asked.statements, asked.former / asked.handler
    return [
        _row("WAL a list, all in, bytes", new.wal, old.wal, existing.wal, "≤ 2,500", new.wal <= 2500),
        _row("stored a list, bytes", new.stored, old.stored, existing.stored, "≤ 1,600", new.stored <= 1600),
        _row(
            "backend CPU a list, all in, ms", new.cpu, old.cpu, existing.cpu, "≤ .9, ≥ 4 × less",
            new.cpu <= 0.9 and old.cpu >= 4 * new.cpu,
        ),
        _row("lists settled a second of CPU", settling, former_settling, None, "≥ 5,000", settling >= 5000),
        _row("lists settled a second, as elapsed", _speed(new.settle), _speed(old.settle), None, "", None),
        _row("HOT updates when settling, %", 100 * new.hot, 100 * old.hot, None, "", None),
        _row(
            "messages a second, durable batches of 1,000", counts.elapsed, former_counts.elapsed,
            _speed(existing.feedback), "≥ 1.5 ×", counts.elapsed >= 1.5 * former_counts.elapsed,
        ),
        _row("the same a second of the backend's CPU", counts.of_cpu, former_counts.of_cpu, None, "", None),
        _row("the same of messages before their lists are settled", early, None, None, "", None),
        _row("the same of their bare writes", written, None, None, "", None),
        _row("select's handler, p50, ms", asked.handler, asked.former, None, "≥ 1.5 × faster", faster >= 1.5),
        _row("the same without sessions, which version 1.0 had not", asked.sessionless, asked.former, None, "", None),
        _row("the handler × its bare statements", bare, None, None, "≤ 1.5", bare <= 1.5),
        _row("the guide's query of 7 days, s", new.window, old.window, None, "≤ 1.5 ×", new.window <= 1.5 * old.window),
    ]  # fmt: skip


def _speed(step: Any) -> float:
    return step.units / step.seconds


def _of_cpu(step: Any) -> float:
    return 1000 / step.each("cpu")


def _row(what: str, new: float, old: float | None, existing: float | None, aim: str, reached: bool | None) -> str:
    ratio = f"{max(new, old) / min(new, old):.1f}" if old else ""
    verdict = "" if reached is None else "reached" if reached else "missed"
    return f"| {what} | {_number(new)} | {_number(old)} | {ratio} | {_number(existing)} | {aim} | {verdict} |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _steps(new: Path, old: Path) -> list[str]:
    """WAL and CPU step by step."""
    rows = [
        f"| {name} | {a.each('wal'):,.0f} | {b.each('wal'):,.0f} | {a.each('cpu'):.3f} | {b.each('cpu'):.3f} |"
        for name, a, b in (
            ("read, a list", new.read, old.read),
            ("record, a list", new.record, old.record),
            ("settle, a list", new.settle, old.settle),
            ("count, a message", new.consume, old.consume),
        )
    ]
    return ["| | WAL, bytes | version 1.0 | CPU, ms | version 1.0 |", "|---|--:|--:|--:|--:|", *rows]


def growth(paths: Mapping[int, Path], arguments: argparse.Namespace, cores: int) -> str:
    """The product's figures by number of impressions, as ratios to the first."""
    base = next(iter(paths.values()))
    figures = (
        ("WAL a list, bytes", [path.wal for path in paths.values()]),
        ("stored a list, bytes", [path.stored for path in paths.values()]),
        ("backend CPU a list, ms", [path.cpu for path in paths.values()]),
        ("CPU to settle a list, ms", [path.settle.each("cpu") for path in paths.values()]),
        ("CPU to count a message, ms", [path.consume.each("cpu") for path in paths.values()]),
    )
    rows = [
        f"| {name} | {' | '.join(f'{_exact(value)} ({value / values[0]:.2f} ×)' for value in values)} |"
        for name, values in figures
    ]
    return "\n".join(
        [
            "# How the costs of a list grow with the number of impressions",
            "",
            f"`{COMMAND} --scale {' '.join(map(str, arguments.scale))} --lists {arguments.lists}",
            f"--buffers {arguments.buffers}` on {cores} cores: the figures of path.md with this many impressions of",
            f"the last thirty days, by {load.USERS:,} visitors each time. CPU is the backend's. Aim: 1.2 × at most.",
            "",
            f"| | {' | '.join(f'{size:,} impressions' for size in paths)} |",
            f"|---|{'--:|' * len(paths)}",
            *rows,
            "",
            f"Messages counted: {base.consume.units:,} each; CPU of medians of batches.",
            "",
        ]
    )


def _exact(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4f}"
