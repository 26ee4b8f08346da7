"""Selection, success and the test over time, for /analytics/timeline and reports. Must not know routes or SQL."""

from datetime import datetime
from itertools import groupby
from typing import Self

from bandit_selector.answers.stats import Answer, group_totals, scaled
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.ratio import Interval
from bandit_selector.evidence.tally import Tally, group_of, total
from bandit_selector.learning.refutation import Forgetting
from bandit_selector.store.activity import Moment, Resolution


class AlgorithmPoint(Answer):
    """One algorithm in one hour or day; `share` is its share of its group's places, `success_rate` is S/(S + F)."""

    shown: int
    share: float
    success_rate: float | None


class GroupPoint(Answer):
    shown: int
    clicks: int
    ctr: float


class Point(Answer):
    """One hour or day that begins at `at`."""

    at: datetime
    algorithms: dict[str, AlgorithmPoint]
    groups: dict[str, GroupPoint]


class ContextShare(Answer):
    shown: int
    share: float
    ctr: float


class RateAnswer(Answer):
    """A rate with its 95 % interval."""

    percent: float
    percent_low: float
    percent_high: float

    @classmethod
    def of(cls, interval: Interval) -> Self:
        return cls(percent=100 * interval.estimate, percent_low=100 * interval.low, percent_high=100 * interval.high)


class CtrPoint(Answer):
    """Both groups' CTR on a UTC day; a group that was shown nothing is missing."""

    day: str
    groups: dict[str, RateAnswer]


class LiftPoint(Answer):
    """The lift in CTR of all days of the test up to the end of a UTC day; single visitors are not bounded in it."""

    day: str
    percent: float
    percent_low: float
    percent_high: float

    @classmethod
    def of(cls, day: str, lift: Lift) -> Self:
        relative = lift.relative
        return cls(
            day=day,
            percent=100 * relative.estimate,
            percent_low=100 * relative.low,
            percent_high=100 * relative.high,
        )


class ForgettingPoint(Answer):
    """When older evidence about an arm was forgotten, because newer outcomes refuted it.

    `z`: by how many standard errors. Percentages are successes per place: as its older outcomes let expect, and found.
    """

    at: datetime
    arm: str
    z: float
    percent_before: float
    percent_after: float

    @classmethod
    def of(cls, at: datetime, told: Forgetting) -> Self:
        return cls(at=at, arm=told.arm, z=told.z, percent_before=100 * told.before, percent_after=100 * told.after)


class Timeline(Answer):
    """GET /analytics/timeline: selection, success and both groups' CTR over time, and the shares of the contexts."""

    period_days: int
    since: datetime
    resolution: Resolution
    time_zone: str
    points: list[Point]
    contexts: dict[str, ContextShare]
    lift: list[LiftPoint]
    forgettings: list[ForgettingPoint]


def points(moments: list[Moment]) -> list[Point]:
    """The timeline's points, from moments ordered by time."""
    return [
        _point(at, {moment.algorithm: moment.tally for moment in together})
        for at, together in groupby(moments, key=lambda moment: moment.at)
    ]


def context_shares(tallies: dict[str, Tally]) -> dict[str, ContextShare]:
    shown = total(tallies.values())
    return {
        key: ContextShare(shown=tally.shown, share=shown.per_shown(tally.shown), ctr=tally.per_shown(tally.clicked))
        for key, tally in tallies.items()
    }


def _point(at: datetime, algorithms: dict[str, Tally]) -> Point:
    groups = group_totals(algorithms)
    return Point(
        at=at,
        algorithms={
            name: AlgorithmPoint(
                shown=tally.shown,
                share=groups[group_of(name)].per_shown(tally.shown),
                success_rate=scaled(tally.success_rate, 100),
            )
            for name, tally in algorithms.items()
        },
        groups={
            name: GroupPoint(shown=tally.shown, clicks=tally.clicked, ctr=tally.per_shown(tally.clicked))
            for name, tally in groups.items()
        },
    )
