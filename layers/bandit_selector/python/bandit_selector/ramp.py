"""A ramp: treatment's planned share of visitors, step by step. Knows no storage; the clock is an argument."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

LARGEST_SHARE: Final = 0.95
"""A ramp leaves a holdout of control, against which the test goes on."""
FORM: Final = "write it like 0.05@2027-01-10,0.25@+3d,0.5@+7d: shares, each with the day on which it begins"


@dataclass(frozen=True, slots=True)
class Step:
    """From `begins` on, a midnight in UTC, `share` of visitors are planned to be in treatment."""

    share: float
    begins: datetime


def parse_ramp(text: object) -> object:
    """`0.05@2027-01-10,0.25@+3d` → steps; `+3d` counts from the step before. What is not text is returned unchanged.

    Raises ValueError for another form, and for shares or days that do not grow.
    """
    if not isinstance(text, str):
        return text
    steps: list[Step] = []
    for part in text.split(","):
        steps.append(_step(part.strip(), steps[-1] if steps else None))
    if any(later.share <= sooner.share or later.begins <= sooner.begins for sooner, later in pairwise(steps)):
        raise ValueError(f"each step of {text!r} must have a larger share and a later day than the one before")
    if steps[-1].share > LARGEST_SHARE:
        raise ValueError(f"the last share of {text!r} must be {LARGEST_SHARE} at most, so that a control group stays")
    return tuple(steps)


def planned(steps: Sequence[Step], now: datetime) -> float:
    """The share of the newest step that has begun; 0 before the first."""
    return max((step.share for step in steps if step.begins <= now), default=0.0)


def step_below(steps: Sequence[Step], share: float) -> float:
    """The share one step below; 0 below the first."""
    return max((step.share for step in steps if step.share < share), default=0.0)


def _step(part: str, before: Step | None) -> Step:
    found = re.fullmatch(r"(\d?\.?\d+)@(?:(\d{4}-\d\d-\d\d)|\+(\d{1,4})d)", part, re.ASCII)
    if not found or not 0 < float(found[1]) <= 1:
        raise ValueError(f"{part!r} is not a step of a ramp; {FORM}")
    if found[2]:
        return Step(float(found[1]), datetime.combine(date.fromisoformat(found[2]), time(), UTC))
    if before is None:
        raise ValueError(f"the first step {part!r} needs a date; {FORM}")
    return Step(float(found[1]), before.begins + timedelta(days=int(found[3])))
