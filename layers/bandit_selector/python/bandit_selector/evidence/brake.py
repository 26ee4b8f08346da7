"""When a ramp must go back: the test's upper bound, lists that the bandit failed to make, errors, latency. No storage.

Errors and latency are those of treatment's requests against control's in the same hour, so a slow database brakes
nothing. The lift's bound is that of the anytime-valid interval, so it may be looked at every hour. Only days of the
share in force are compared, each share by itself: so a share that changes cannot mix days of unlike click rates into
one group.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt
from typing import Final

from bandit_selector.evidence.experiment import Part, compare
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.requests import NONE, Requests
from bandit_selector.evidence.tally import Tally

LISTS: Final = 200
"""Fallbacks are judged once treatment has had this many lists in the span looked at, and requests alike."""
SURE: Final = 5.0
"""Standard errors by which a difference in requests must exceed its bound: chance does that once in 3 million looks."""
ENOUGH_PARTS: Final = 10
"""Failed or slow requests of visitors in fewer parts may be a few visitors' own."""


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Treatment's lists in the span looked at, and how many of them were the control list in place of a failed one."""

    failed: int
    lists: int

    @property
    def share(self) -> float:
        return self.failed / self.lists if self.lists else 0.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The brake's bounds; `lift` is None where the lift does not brake.

    `errors` and `slow`: how much larger treatment's share of requests may be, of those that failed and of those that
    took longer than `latency`.
    """

    lift: float | None
    fallbacks: float
    errors: float
    slow: float
    latency: timedelta


@dataclass(frozen=True, slots=True)
class Look:
    """What an hourly look has found: the lift, None while it cannot be read, and the hour's lists and requests."""

    lift: Lift | None
    fallbacks: Fallbacks
    treatment: Requests = NONE
    control: Requests = NONE


def lift_of(clusters: Iterable[tuple[str, int, int, int]], planned_lift: float) -> Lift | None:
    """The lift from (group, cluster, clicks, movies shown), or None while it cannot be read."""
    parts = [Part(0, group, cluster, Tally(shown, clicked)) for group, cluster, clicked, shown in clusters]
    return compare("ctr", parts, planned_lift).lift


def reason(look: Look, bounds: Bounds) -> str | None:
    """Why the share must go back, with the figures; None while nothing passes its bound."""
    return (
        _harm(look.lift, bounds)
        or _fallbacks(look.fallbacks, bounds)
        or _errors(look.treatment, look.control, bounds)
        or _latency(look.treatment, look.control, bounds)
    )


def _harm(lift: Lift | None, bounds: Bounds) -> str | None:
    if lift is None or bounds.lift is None or lift.relative.high >= bounds.lift:
        return None
    found = lift.relative
    return (
        f"treatment's CTR so far is {found.estimate:+.1%} against control ({found.low:+.1%} to {found.high:+.1%}, valid"
        f" at every look), and all of that lies below BRAKE_BELOW {bounds.lift:+.1%}"
    ).replace("-", "−")


def _fallbacks(fallbacks: Fallbacks, bounds: Bounds) -> str | None:
    if fallbacks.lists >= LISTS and fallbacks.share > bounds.fallbacks:
        return (
            f"{fallbacks.failed:,} of treatment's {fallbacks.lists:,} lists of the last hour were fallbacks"
            f" ({fallbacks.share:.1%}), more than BRAKE_FALLBACKS {bounds.fallbacks:.1%}"
        )
    return None


def _errors(treatment: Requests, control: Requests, bounds: Bounds) -> str | None:
    ours, theirs = (treatment.failed, treatment.number), (control.failed, control.number)
    if not _surely_more(ours, theirs, treatment.failed_of, bounds.errors):
        return None
    return f"{_compared(ours, theirs)} failed, surely more than BRAKE_ERRORS {bounds.errors:.1%} apart"


def _latency(treatment: Requests, control: Requests, bounds: Bounds) -> str | None:
    ours, theirs = (treatment.slow, treatment.number), (control.slow, control.number)
    if not _surely_more(ours, theirs, treatment.slow_of, bounds.slow):
        return None
    return (
        f"{_compared(ours, theirs)} took longer than BRAKE_LATENCY {bounds.latency.total_seconds():g} s, surely more"
        f" than BRAKE_SLOW {bounds.slow:.1%} apart"
    )


def _surely_more(ours: tuple[int, int], theirs: tuple[int, int], parts: int, bound: float) -> bool:
    """Whether a share of treatment's requests is surely more than `bound` above control's.

    By the difference of two proportions with one success and one failure added to each (Agresti & Caffo 2000).
    """
    if ours[1] < LISTS or parts.bit_count() < ENOUGH_PARTS:
        return False
    (one, a), (other, b) = (((found + 1) / (number + 2), number + 2) for found, number in (ours, theirs))
    return one - other - SURE * sqrt(one * (1 - one) / a + other * (1 - other) / b) > bound


def _compared(ours: tuple[int, int], theirs: tuple[int, int]) -> str:
    (found, number), (other, of) = ours, theirs
    return (
        f"{found:,} of treatment's {number:,} requests of the last hour ({found / number:.1%}), against {other:,} of"
        f" control's {of:,} ({other / of if of else 0:.1%}),"
    )
