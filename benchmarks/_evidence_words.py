"""The studies as a page. Computes nothing but intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

from scipy.stats import beta

from benchmarks._evidence_monitor import AFTER, BEFORE, Mailed
from benchmarks._evidence_picture import by_fault
from benchmarks._evidence_studies import Figure

A_YEAR = 365.0


def table(
    figures: Sequence[Figure],
    sites: Sequence[Mapping[str, Any]],
    days: int,
    mailed: Sequence[Mailed],
) -> str:
    """The page: studies without a database, healthy sites under the monitor, and faults."""
    studies = "\n".join(f"| {one.study} | {_value(one)} | {one.limit} | {_before(one)} |" for one in figures)
    faults = "\n".join(f"| {name} | {_mornings(runs)} |" for name, runs in by_fault(mailed).items())
    return f"""# How often the evidence is wrong, and how soon it finds what is there

`./dev bench evidence`, or a part of it: `./dev bench evidence --only power --runs 100`. All visitors are simulated.

![False verdicts and alarms against their limits, and mornings until each fault is mailed](evidence.svg)

## The read-out
The product's own functions at every look. *Before*: measured before phases, effective clusters, each visitor counted
once, and the floor of a small group's variance. An interval is the 95 % one of the rate (Clopper & Pearson 1934).

| study | found | limit | before |
|---|---|---|---|
{studies}

## The monitor on healthy sites
{_healthy(sites, days)}

## How soon a fault is mailed
266 visitors a day with ten movies each, half of them in treatment, CTR 14 %. The fault begins after {BEFORE} healthy
days, just after the monitor has run, and stays. Alerts judge the last seven days, and the test all of its days: so a
mild fault is mailed when it fills enough of the week. {_others(mailed)}

| fault | mornings until it is mailed |
|---|---|
{faults}
"""


def _value(one: Figure) -> str:
    if one.runs is None:
        return f"{one.value:.3g}{one.unit}"
    low, high = interval(round(one.value), one.runs)
    return f"{one.value:,.0f} of {one.runs:,} ({100 * low:.2g} to {100 * high:.2g} %)"


def _before(one: Figure) -> str:
    if one.before is None:
        return ""
    return f"{one.before:.1%}" if one.runs else f"{one.before:g}"


def _healthy(sites: Sequence[Mapping[str, Any]], days: int) -> str:
    if not sites:
        return "Not run."
    called = sum(one["called"] > 0 for one in sites)
    mails = [metric for one in sites for metric in one["mails"]]
    years = len(sites) * days / A_YEAR
    low, high = interval(called, len(sites))
    most = beta.ppf(0.975, len(mails) + 1, 1e9) * 1e9 / years  # of a Poisson number, by the limit of a binomial one
    named = f": {', '.join(sorted(set(mails)))}" if mails else ""
    return (
        f"{len(sites)} sites of {days} mornings, each through PostgreSQL: lists recorded, reactions applied, lists "
        f"settled, and the monitor run as at 9 AM. No group is better. A false verdict on some morning: {called} of "
        f"{len(sites)} ({100 * low:.2g} to {100 * high:.2g} %). False mails of all checks together: {len(mails)} in "
        f"{years:.1f} years, {len(mails) / years:.2g} a year (at most {most:.2g}){named}."
    )


def _mornings(runs: Sequence[int | None]) -> str:
    return ", ".join("not in 30" if one is None else f"{one}" for one in runs)


def _others(mailed: Sequence[Mailed]) -> str:
    others = sorted({f"{metric} ({one.fault})" for one in mailed for metric in one.others})
    ended = sorted({f"{metric} ({one.fault})" for one in mailed for metric in one.ended})
    told = f"Mails about other metrics meanwhile: {', '.join(others)}." if others else "No other mail came meanwhile."
    if ended:
        return f"{told} Called over while it lasted: {', '.join(ended)}."
    return f"{told} In the {AFTER} mornings after its mail, no fault was called over."


def interval(number: int, of: int, level: float = 0.05) -> tuple[float, float]:
    """The exact interval of a rate."""
    low = float(beta.ppf(level / 2, number, of - number + 1)) if number else 0.0
    high = float(beta.ppf(1 - level / 2, number + 1, of - number)) if number < of else 1.0
    return low, high
