"""Judges how many visitors were over their daily bound, and what their further places would have moved.

Places beyond MAX_PLACES_PER_VISITOR are served and recorded, and count neither for learning nor in the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bandit_selector.evidence.tally import Tally, group_of, total
from bandit_selector.health.facts import Alert, Check, Visitors, worst

MOVED: Final = 0.05
"""From this change of the lift on there is an alert: five points, a third of the lift that a test is planned for."""
TOO_MANY: Final = 0.05
"""With more of the visitors over it, the bound leaves out ordinary visitors."""
FEWEST: Final = 20
"""Visitors over the bound before their share alerts."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure as it counts, and as it would be with every place."""

    name: str
    counted: float
    everything: float

    @property
    def by(self) -> float:
        return self.everything - self.counted


def influence(visitors: Visitors, algorithms: Mapping[str, Tally]) -> Check:
    """The check `visitors`; `algorithms` holds every place shown, those beyond the bound as well."""
    if not visitors.all:
        return Check("no_data", {"over": None, "places_beyond": None, "lift_moved": None})
    share = total(visitors.beyond.values()).shown / (total(algorithms.values()).shown or 1)
    lift, arm = _lift(visitors, algorithms), _arm(visitors, algorithms)
    alerts = [_influenced(visitors, lift)] if lift and abs(lift.by) >= MOVED else []
    alerts += [_too_low(visitors)] if visitors.over >= max(FEWEST, TOO_MANY * visitors.all) else []
    return Check(
        worst(alerts) or "ok",
        {
            "over": visitors.over,
            "places_beyond": share,
            "lift_moved": lift.by if lift else None,
            "meaning": _words(visitors, lift, arm),
        },
        tuple(alerts),
        () if lift else ("visitors_influence",),
    )


def _words(visitors: Visitors, lift: Moved | None, arm: Moved | None) -> str:
    if not visitors.over:
        return "no visitor was shown more places in a day than count"
    told = f"{visitors.over:,} of {visitors.all:,} visitors were shown more places in a day than count"
    moves = [f"the lift from {lift.counted:+.1%} to {lift.everything:+.1%}"] if lift else []
    moves += [f"{arm.name}'s CTR from {arm.counted:.1%} to {arm.everything:.1%}"] if arm else []
    return f"{told}; with all of them counted, they would have moved {' and '.join(moves)}" if moves else told


def _lift(visitors: Visitors, algorithms: Mapping[str, Tally]) -> Moved | None:
    """The lift in CTR of treatment over control; None while a group has no click that counts."""
    ours, theirs = (_both(visitors, algorithms, group) for group in ("treatment", "control"))
    if ours is None or theirs is None or not theirs.counted or not theirs.everything:
        return None
    return Moved("lift", ours.counted / theirs.counted - 1, ours.everything / theirs.everything - 1)


def _arm(visitors: Visitors, algorithms: Mapping[str, Tally]) -> Moved | None:
    """The arm or list whose CTR would have moved most; None if none would have."""
    moves = [_moved(name, tally, visitors.beyond.get(name, Tally())) for name, tally in algorithms.items()]
    return max((one for one in moves if one and one.by), key=lambda one: abs(one.by), default=None)


def _both(visitors: Visitors, algorithms: Mapping[str, Tally], group: str) -> Moved | None:
    everything, beyond = (
        total(tally for name, tally in tallies.items() if group_of(name) == group)
        for tallies in (algorithms, visitors.beyond)
    )
    return _moved(group, everything, beyond)


def _moved(name: str, everything: Tally, beyond: Tally) -> Moved | None:
    counted = everything.shown - beyond.shown
    if counted <= 0:
        return None
    return Moved(name, (everything.clicked - beyond.clicked) / counted, everything.clicked / everything.shown)


def _influenced(visitors: Visitors, lift: Moved) -> Alert:
    return Alert(
        severity="warning",
        metric="visitors_influence",
        value=lift.by,
        threshold=MOVED,
        message=f"Visitors over their bound would have moved the lift by {lift.by:+.1%} (threshold: {MOVED:.0%})",
        headline=f"few visitors would have moved the lift by {lift.by:+.0%}",
        detail=f"{visitors.over:,} of {visitors.all:,} visitors were shown more places in a day than count. With all "
        f"of them counted, the lift would be {lift.everything:+.1%}; as counted it is {lift.counted:+.1%}.",
        advice="Look for scripts among the visitors with the most lists; what counts is bounded already.",
    )


def _too_low(visitors: Visitors) -> Alert:
    share = visitors.over / visitors.all
    return Alert(
        severity="warning",
        metric="visitors_over",
        value=share,
        threshold=TOO_MANY,
        message=f"Visitors over their bound ({share:.1%}) above threshold ({TOO_MANY:.0%})",
        headline=f"{share:.0%} of the visitors were shown more than counts",
        detail=f"{visitors.over:,} of {visitors.all:,} visitors were shown more places in a day than count.",
        advice="If they are ordinary visitors, raise the bound: the service learns from fewer places than it could.",
    )
