"""A demo's results for people and for scripts. Must not read tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from bandit_selector.evidence.ratio import Interval
from bandit_selector.evidence.words import sentence
from bandit_selector.store.activity import Cell
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from infra.local import tables
from infra.local.demo.inspection import Inspection, Mail
from infra.local.demo.loop import Outcome
from infra.local.demo.report import Report
from infra.local.demo.shadows import Paired
from infra.local.installation import Addresses
from infra.local.tables import Listing

COLOURS: Final = {"healthy": "green", "warning": "yellow", "critical": "red", "unknown": "white"}


def show(outcome: Outcome, addresses: Addresses, console: Console, *, stays: bool) -> None:
    """Prints the A/B table, what was learned, totals, the world, and the monitor's findings.

    If the service `stays` up, its addresses are printed too; those of a finished demo would no longer answer.
    """
    report = outcome.report
    show_stats(report, console)
    console.print(_paired(outcome.paired), soft_wrap=True)
    tables.show(_reconciliation(outcome), console)
    console.print(_verified(report), soft_wrap=True)
    console.print(_rates(outcome), soft_wrap=True)
    console.print(f"[bold]{outcome.world.sentence}[/bold]\n", soft_wrap=True)
    _show_inspection(outcome.inspection, console)
    if stays:
        _show_addresses(outcome.inspection, addresses, console)


def _show_addresses(inspection: Inspection | None, addresses: Addresses, console: Console) -> None:
    """Where the running service is, and the report in its bucket."""
    lines = [f"API     {addresses.api}  Dashboard {addresses.dashboard}", f"Database {addresses.printed_database}"]
    if inspection:
        lines += [f"Bucket  {inspection.address}", f"Link    {inspection.link} (while the service runs)"]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


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


def _letter(mail: Mail) -> Panel:
    """A mail as its reader sees it; the border has the colour of the severity that its subject begins with."""
    severity = mail.subject.partition("]")[0].removeprefix("[").lower()
    title = Text(f"Mail: {mail.subject}", style="bold")
    return Panel(Text(mail.body.strip()), title=title, title_align="left", border_style=COLOURS.get(severity, "green"))


def show_stats(report: Report, console: Console) -> None:
    """The A/B table with its lift, and what was learned per context."""
    tables.show(_groups(report), console)
    console.print(_lift(report), soft_wrap=True)
    if report.cells:
        tables.show(_learned(report.cells), console)


def as_json(outcome: Outcome) -> str:
    """One line for scripts; rates are shares, `lift` is treatment's CTR over control's, less one."""
    report = outcome.report
    counts, lift, paired = report.reconciliation, _lift_of(report), outcome.paired
    treatment, control = _sides(report)
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
            "lift_interval": _bounds(lift),
            "paired_lift": paired.here.estimate if paired.here else None,
            "paired_interval_here": _bounds(paired.here),
            "paired_interval_elsewhere": _bounds(paired.elsewhere),
            "states": {
                "cells": len(report.cells),
                "successes": sum(cell.successes for cell in report.cells),
                "failures": sum(cell.failures for cell in report.cells),
            },
            "reconciliation": {
                **asdict(counts),
                "duplicates_ignored": outcome.duplicates,
                "dead_letters": outcome.dead_letters,
            },
            "verified": report.difference is None,
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

    visitors: int
    shown: int
    clicked: int

    @property
    def ctr(self) -> float:
        return self.clicked / self.shown if self.shown else 0.0


def _sides(report: Report) -> tuple[Side, Side]:
    """Treatment and control."""
    test = report.test
    if test is None:
        return Side(0, 0, 0), Side(0, 0, 0)
    treatment, control = test.treatment, test.control
    return (
        Side(test.treatment_users, treatment.shown, treatment.clicked),
        Side(test.control_users, control.shown, control.clicked),
    )


def _lift_of(report: Report) -> Interval | None:
    lift = report.test.metrics["ctr"].lift if report.test else None
    return lift.relative if lift else None


def _numbers(side: Side) -> dict[str, float]:
    return {**asdict(side), "ctr": side.ctr}


def _groups(report: Report) -> Listing:
    names = ("treatment (bandit)", "control (hybrid)")
    rows = [
        (name, f"{side.visitors:,}", f"{side.shown:,}", f"{side.clicked:,}", f"{side.ctr:.2%}")
        for name, side in zip(names, _sides(report), strict=True)
    ]
    return Listing("A/B test: bandit against the fixed hybrid", ("group", "visitors", "shown", "clicked", "CTR"), rows)


def _lift(report: Report) -> str:
    """The lift with its interval, and the test's verdict in words."""
    if report.test is None:
        return "Nothing was shown yet."
    lift = _lift_of(report)
    if lift is None:
        return sentence(report.test)
    interval = f"95 %, at every look: {_interval(lift)}"
    verdict = report.test.verdict.replace("_", " ")
    return (
        f"Lift of the bandit's CTR over the hybrid's so far: {lift.estimate:+.1%} ({interval}): "
        f"[bold]{verdict}[/bold].\n{sentence(report.test)}"
    )


def _paired(lift: Paired) -> str:
    """The lift at the same visits: each visitor's reaction to the list of the other group is simulated, too."""
    if lift.here is None:
        return "Lift at the same visits: too few clicks yet to compare both groups' lists."
    others = lift.elsewhere
    elsewhere = f"{_interval(others)} for others like them" if others else "too few visitors to tell for others"
    return (
        f"Lift at the same visits: {lift.here.estimate:+.1%} (95 %, at every look: "
        f"{_interval(lift.here)} for these visitors, {elsewhere}). Only a simulation can tell: "
        "it knows what each visitor would click on the other group's list."
    )


def _interval(lift: Interval) -> str:
    return f"{lift.low:+.1%} … {lift.high:+.1%}"


def _bounds(lift: Interval | None) -> list[float] | None:
    return [lift.low, lift.high] if lift else None


def _learned(cells: Sequence[Cell]) -> Listing:
    """One row per context, one column per arm: successes of outcomes, and the share of places it now gets."""
    arms = sorted({cell.arm for cell in cells})
    by_place = {(cell.context_key, cell.arm): cell for cell in cells}
    rows: list[list[str]] = []
    for context in sorted({cell.context_key for cell in cells}):
        row = [by_place.get((context, arm)) for arm in arms]
        best = max((cell.probability or 0 for cell in row if cell), default=0)
        rows.append([escape(context), *(_cell(cell, best) for cell in row)])
    return Listing("Learned: successes/outcomes → share of places", ("context", *arms), rows)


def _cell(cell: Cell | None, best: float) -> str:
    if cell is None:
        return ""
    text = f"{cell.successes}/{cell.successes + cell.failures}"
    if cell.probability is None:
        return text
    share = f"{cell.probability:.0%}"
    return f"{text} → [bold green]{share}[/bold green]" if cell.probability == best else f"{text} → {share}"


def _reconciliation(outcome: Outcome) -> Listing:
    counts = outcome.report.reconciliation
    lines = {
        "shown": counts.shown,
        "outcomes": counts.outcomes,
        "pending": counts.pending,
        "feedback": counts.feedback,
        "unattributed": counts.unattributed,
        "duplicates ignored": outcome.duplicates,
        "dead letters": outcome.dead_letters,
    }
    return Listing("Where everything went", ("", *lines), [("movies, messages", *(f"{n:,}" for n in lines.values()))])


def _verified(report: Report) -> str:
    if report.difference is None:
        return "[green]Verified:[/green] the learned counts are those of the events."
    return f"[red]Not verified:[/red] {report.difference}"


def _rates(outcome: Outcome) -> str:
    """Rates end to end: a visit is a list and its feedback; and how soon after the last one the queue was empty."""
    pace = outcome.pace
    whole = f"{outcome.visits} requests in {pace.seconds:.1f} s: {pace.whole:.0f} requests/s end to end"
    emptied = f"the queue was empty {pace.emptying:.1f} s after the last visit"
    return f"{whole}, {pace.steady:.0f} after warm-up (the second half; {emptied})"
