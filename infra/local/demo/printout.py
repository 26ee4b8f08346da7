"""A demo's results for people and for scripts. Must not read tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from bandit_selector.evidence.ratio import Interval
from bandit_selector.store.activity import Cell
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.local.demo.inspection import Inspection, Mail
from infra.local.demo.loop import Outcome
from infra.local.demo.report import Report
from infra.local.installation import Addresses

COLOURS: Final = {"healthy": "green", "warning": "yellow", "critical": "red"}


def show(outcome: Outcome, addresses: Addresses, console: Console, *, stays: bool) -> None:
    """Prints the A/B table, what was learned, totals, addresses, the world, and the monitor's findings.

    If the service `stays` up, the link into its bucket is printed too.
    """
    found = outcome.report
    show_stats(found, console)
    console.print(_reconciliation(outcome))
    console.print(_verified(found))
    console.print(_rates(outcome))
    console.print(
        f"API {addresses.api}  Dashboard {addresses.dashboard}  Database {addresses.database}", soft_wrap=True
    )
    console.print(f"[bold]{outcome.world.sentence}[/bold]\n")
    _show_inspection(outcome.inspection, console)
    if stays and outcome.inspection:
        link = f"Link    {outcome.inspection.link} (while the service runs)"
        console.print(link, markup=False, soft_wrap=True, style="dim")


def _show_inspection(inspection: Inspection | None, console: Console) -> None:
    """The monitor's status, each mail that it sent, and the path of its report."""
    if inspection is None:
        console.print("[red]The monitor failed;[/red] .local/demo/logs/monitor.log says why.")
        return
    for mail in inspection.mails:
        console.print(_letter(mail))
    colour = COLOURS[inspection.status]
    console.print(f"Monitor [bold {colour}]{inspection.status}[/bold {colour}], mails sent: {len(inspection.mails)}")
    console.print(f"Report  {inspection.page}", markup=False, soft_wrap=True)
    console.print(f"Bucket  {inspection.address}", markup=False, soft_wrap=True)


def _letter(mail: Mail) -> Panel:
    """A mail as its reader sees it; the border has the colour of the severity that its subject begins with."""
    severity = mail.subject.partition("]")[0].removeprefix("[").lower()
    title = Text(f"Mail: {mail.subject}", style="bold")
    return Panel(Text(mail.body.strip()), title=title, title_align="left", border_style=COLOURS.get(severity, "green"))


def show_stats(found: Report, console: Console) -> None:
    """The A/B table with its lift, and what was learned per context."""
    console.print(_groups(found))
    console.print(_lift(found))
    console.print(_learned(found.cells))


def as_json(outcome: Outcome) -> str:
    """One line for scripts; rates are shares, `lift` is treatment's CTR over control's, less one."""
    found = outcome.report
    counts, lift = found.reconciliation, _lift_of(found)
    treatment, control = _sides(found)
    return json.dumps(
        {
            "world": outcome.world.name,
            "requests": outcome.visits,
            "seconds": round(outcome.pace.seconds, 2),
            "rate": {
                "whole": round(outcome.pace.whole, 1),
                "steady": round(outcome.pace.steady, 1),
                "queue_empty_after": round(outcome.pace.emptying, 1),
            },
            "treatment": _numbers(treatment),
            "control": _numbers(control),
            "lift": lift.estimate if lift else None,
            "lift_interval": [lift.low, lift.high] if lift else None,
            "states": {
                "cells": len(found.cells),
                "successes": sum(cell.successes for cell in found.cells),
                "failures": sum(cell.failures for cell in found.cells),
            },
            "reconciliation": {
                **asdict(counts),
                "duplicates_ignored": outcome.duplicates,
                "dead_letters": outcome.dead_letters,
            },
            "verified": found.difference is None,
            "monitor": _inspected(outcome.inspection),
        }
    )


def _inspected(inspection: Inspection | None) -> dict[str, object] | None:
    if inspection is None:
        return None
    mails = [mail.subject for mail in inspection.mails]
    return {"status": inspection.status, "mails": mails, "report": str(inspection.page)}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the A/B test: visitors, movies shown to them, and how many of those they clicked."""

    users: int
    shown: int
    clicked: int

    @property
    def ctr(self) -> float:
        return self.clicked / self.shown if self.shown else 0.0


def _sides(found: Report) -> tuple[Side, Side]:
    """Treatment and control."""
    test = found.test
    if test is None:
        return Side(0, 0, 0), Side(0, 0, 0)
    treatment, control = test.treatment, test.control
    return (
        Side(test.treatment_users, treatment.shown, treatment.clicked),
        Side(test.control_users, control.shown, control.clicked),
    )


def _lift_of(found: Report) -> Interval | None:
    lift = found.test.metrics["ctr"].lift if found.test else None
    return lift.relative if lift else None


def _numbers(side: Side) -> dict[str, float]:
    return {**asdict(side), "ctr": side.ctr}


def _groups(found: Report) -> Table:
    table = Table(title="A/B test: bandit against the fixed hybrid")
    for name in ("group", "users", "shown", "clicked", "CTR"):
        table.add_column(name, justify="left" if name == "group" else "right")
    for name, group in zip(("treatment (bandit)", "control (hybrid)"), _sides(found), strict=True):
        table.add_row(name, f"{group.users:,}", f"{group.shown:,}", f"{group.clicked:,}", f"{group.ctr:.2%}")
    return table


def _lift(found: Report) -> str:
    lift = _lift_of(found)
    if lift is None:
        return found.test.sentence if found.test else "Nothing was shown yet."
    interval = f"95 % anytime: {lift.low:+.1%} … {lift.high:+.1%}"
    return f"Lift of the bandit's CTR over the hybrid's: {lift.estimate:+.1%} ({interval})"


def _learned(cells: Sequence[Cell]) -> Table:
    """One row per context, one column per arm: successes of outcomes, and the share of places it now gets."""
    arms = sorted({cell.arm for cell in cells})
    by_place = {(cell.context_key, cell.arm): cell for cell in cells}
    table = Table(title="Learned: successes/outcomes → share of places", row_styles=["", "dim"])
    table.add_column("context")
    for arm in arms:
        table.add_column(arm, justify="right")
    for context in sorted({cell.context_key for cell in cells}):
        row = [by_place.get((context, arm)) for arm in arms]
        best = max((cell.probability or 0 for cell in row if cell), default=0)
        table.add_row(context, *(_cell(cell, best) for cell in row))
    return table


def _cell(cell: Cell | None, best: float) -> str:
    if cell is None:
        return ""
    text = f"{cell.successes}/{cell.successes + cell.failures}"
    if cell.probability is None:
        return text
    share = f"{cell.probability:.0%}"
    return f"{text} → [bold green]{share}[/bold green]" if cell.probability == best else f"{text} → {share}"


def _reconciliation(outcome: Outcome) -> Table:
    counts = outcome.report.reconciliation
    table = Table(title="Where everything went")
    lines = {
        "shown": counts.shown,
        "outcomes": counts.outcomes,
        "pending": counts.pending,
        "feedback": counts.feedback,
        "unattributed": counts.unattributed,
        "duplicates ignored": outcome.duplicates,
        "dead letters": outcome.dead_letters,
    }
    for name in lines:
        table.add_column(name, justify="right")
    table.add_row(*(f"{number:,}" for number in lines.values()))
    return table


def _verified(found: Report) -> str:
    if found.difference is None:
        return "[green]Verified:[/green] the learned counts are those of the events."
    return f"[red]Not verified:[/red] {found.difference}"


def _rates(outcome: Outcome) -> str:
    """Rates end to end: a visit is a list and its feedback; and how soon after the last one the queue was empty."""
    pace = outcome.pace
    whole = f"{outcome.visits} requests in {pace.seconds:.1f} s: {pace.whole:.0f} requests/s end to end"
    emptied = f"the queue was empty {pace.emptying:.1f} s after the last visit"
    return f"{whole}, {pace.steady:.0f} after warm-up (the second half; {emptied})"
