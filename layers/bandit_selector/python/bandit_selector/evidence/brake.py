"""When a ramp must go back: the test's upper bound, and lists that the bandit failed to make. Knows no storage.

The bound is that of the anytime-valid interval, so it may be looked at every hour. Only days of the share in force are
compared, each share by itself: so a share that changes cannot mix days of unlike click rates into one group.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bandit_selector.evidence.experiment import Part, compare
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.tally import Tally

LISTS: Final = 200
"""Fallbacks are judged once treatment has had this many lists in the span looked at."""


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
    """The brake's bounds; `lift` is None where the lift does not brake."""

    lift: float | None
    fallbacks: float


def lift_of(clusters: Iterable[tuple[str, int, int, int]], planned_lift: float) -> Lift | None:
    """The lift from (group, cluster, clicks, movies shown), or None while it cannot be read."""
    parts = [Part(0, group, cluster, Tally(shown, clicked)) for group, cluster, clicked, shown in clusters]
    return compare("ctr", parts, planned_lift).lift


def reason(lift: Lift | None, fallbacks: Fallbacks, bounds: Bounds) -> str | None:
    """Why the share must go back, with the figures; None while nothing passes its bound."""
    if lift and bounds.lift is not None and lift.relative.high < bounds.lift:
        found = lift.relative
        return (
            f"treatment's CTR so far is {found.estimate:+.1%} against control ({found.low:+.1%} to {found.high:+.1%}, valid at"
            f" every look), and all of that lies below BRAKE_BELOW {bounds.lift:+.1%}"
        ).replace("-", "−")
    if fallbacks.lists >= LISTS and fallbacks.share > bounds.fallbacks:
        return (
            f"{fallbacks.failed:,} of treatment's {fallbacks.lists:,} lists of the last hour were fallbacks"
            f" ({fallbacks.share:.1%}), more than BRAKE_FALLBACKS {bounds.fallbacks:.1%}"
        )
    return None
