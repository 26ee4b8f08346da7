"""The types of the service's health: facts, thresholds, checks and their alerts. Judges and reads nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import log
from typing import Final, Literal, TypeAlias

from bandit_selector.evidence.experiment import ReadOut
from bandit_selector.evidence.ratio import Ratio
from bandit_selector.evidence.tally import Tally

Severity: TypeAlias = Literal["warning", "critical"]
Status: TypeAlias = Literal["ok", "warning", "critical", "no_data"]
Overall: TypeAlias = Literal["healthy", "warning", "critical", "unknown"]
DECISIVE: Final = ("engagement", "feedback")
"""Checks without whose data nobody can call the service healthy: were lists shown, and did reactions arrive?"""
Value: TypeAlias = float | int | str | None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When an alert is raised; each field is the setting of the same name."""

    min_long_tail_share: float
    min_genre_diversity: float
    min_avg_rating: float
    max_algorithm_dominance: float
    dominance: Literal["cap", "alert"]
    min_arm_probability: float
    min_ctr: float
    min_join_rate: float
    min_lists: int
    max_feedback_silence: timedelta
    max_candidate_age: timedelta


@dataclass(frozen=True, slots=True)
class Feedback:
    """Messages of the window, and when the `newest` ever came; `joined`: those of them that found their impression.

    `shown_since` are the movies shown after the newest, by clusters of visitors; `usual` is how many messages came per
    movie in as many days before it: what an outage empties tells nothing about what was usual.
    """

    joined: Ratio
    newest: datetime | None
    shown_since: tuple[int, ...]
    usual: Ratio

    @property
    def received(self) -> int:
        return round(self.joined.denominator)

    @property
    def unattributed(self) -> int:
        return round(self.joined.denominator - self.joined.numerator)


@dataclass(frozen=True, slots=True)
class Visitors:
    """All visitors of the window, those `over` their daily bound, and their places `beyond` it by algorithm."""

    all: int = 0
    over: int = 0
    beyond: Mapping[str, Tally] = field(default_factory=dict[str, Tally])


@dataclass(frozen=True, slots=True)
class Partitions:
    """Until when weekly tables exist (None: there is none), and the oldest day that should be archived and is not."""

    until: datetime | None
    unarchived: date | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured in one window; None where nothing could be measured.

    `arm_shares` are the arms' shares of a sample's places, by clusters of visitors.
    `expected_shares` are the arms' shares by the published probabilities and the contexts' recent traffic;
    `drop_outs`: of a sample of the bandit's places, each arm's, and those for which no arm lacked a movie;
    `forgettings`: how often newer outcomes refuted older ones in the window.
    """

    now: datetime
    shown: int
    lists: int
    long_tail: Ratio
    genre_diversity: Ratio
    ctr: Ratio
    avg_rating: Ratio
    treatment_places: Mapping[str, int]
    arm_shares: Mapping[str, Ratio]
    experiment: ReadOut
    feedback: Feedback
    dead_letters: int | None
    difference: str | None
    candidates_updated: datetime | None
    partitions: Partitions | None
    arms_without_outcome: tuple[str, ...]
    contexts_published: int
    expected_shares: Mapping[str, float]
    forgettings: int
    unusable_ratings: int | None = None
    site_set_aside: int | None = None
    algorithms: Mapping[str, Tally] = field(default_factory=dict[str, Tally])
    visitors: Visitors = field(default_factory=Visitors)
    drop_outs: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    @property
    def dropped_out(self) -> float | None:
        """The share of the bandit's places for which an arm had no movie left; None without any place."""
        places = sum(count for count, _ in self.drop_outs.values())
        return 1 - sum(whole for _, whole in self.drop_outs.values()) / places if places else None

    def whole_share(self, arm: str) -> float | None:
        """The arm's share of the places for which every arm had a movie; None without any such place."""
        whole = sum(count for _, count in self.drop_outs.values())
        return self.drop_outs.get(arm, (0, 0))[1] / whole if whole else None


@dataclass(frozen=True, slots=True)
class Alert:
    """A fault that somebody should act on.

    `message` is in the deployment guide's words, `headline` is short, `detail` gives the sample size, `advice` says
    what to do. `judge` fills in the rest: the name of the check that raised it, what it means, and the setting with
    its limit (empty where the limit is fixed).
    """

    severity: Severity
    metric: str
    value: Value
    threshold: Value
    message: str
    headline: str
    detail: str
    advice: str
    check: str = ""
    meaning: str = ""
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check's figures and alerts; its status is the severity of its worst alert.

    `unjudged` names the alerts for which there is too little evidence now: they neither begin nor end.
    """

    status: Status
    metrics: dict[str, Value]
    alerts: tuple[Alert, ...] = field(default=())
    unjudged: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Health:
    """All checks, in the order they are shown."""

    checks: dict[str, Check]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(alert for check in self.checks.values() for alert in check.alerts)

    @property
    def overall_status(self) -> Overall:
        """The worst alert's severity; without alerts `healthy`, or `unknown` where a decisive check has no data."""
        judged = all(self.checks[name].status != "no_data" for name in DECISIVE)
        return worst(self.alerts) or ("healthy" if judged else "unknown")


def worst(alerts: Iterable[Alert]) -> Severity | None:
    severities = {alert.severity for alert in alerts}
    return "critical" if "critical" in severities else "warning" if severities else None


def evenness_among(weights: Iterable[float], kinds: int) -> float | None:
    """Entropy of the shares over its maximum, log(kinds): 1 if all are equal, 0 if one has everything.

    None with fewer than two kinds or without any weight.
    """
    numbers = list(weights)
    total = sum(numbers)
    if kinds < 2 or not total:
        return None
    return -sum(n / total * log(n / total) for n in numbers if n) / log(kinds)


def hours_of(span: timedelta) -> float:
    return span / timedelta(hours=1)
