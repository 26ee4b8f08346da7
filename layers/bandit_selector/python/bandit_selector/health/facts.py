"""What is known of a service's health: facts, thresholds, checks and their alerts. Judges and reads nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log
from typing import Literal, TypeAlias

from bandit_selector.evidence.experiment import ReadOut
from bandit_selector.evidence.ratio import Ratio

Severity: TypeAlias = Literal["warning", "critical"]
Status: TypeAlias = Literal["ok", "warning", "critical", "no_data"]
Overall: TypeAlias = Literal["healthy", "warning", "critical"]
Value: TypeAlias = float | int | str | None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When an alert is raised; every one is a setting."""

    min_long_tail_share: float = 0.20
    min_genre_diversity: float = 0.30
    min_avg_rating: float = 3.5
    max_algorithm_dominance: float = 0.70
    min_ctr: float = 0.10
    min_join_rate: float = 0.95
    min_lists: int = 500
    max_feedback_silence: timedelta = timedelta(hours=6)
    max_candidate_age: timedelta = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Reactions of the window: received, of those without an impression, the newest, movies shown after that one."""

    received: int
    unattributed: int
    newest: datetime | None
    shown_since: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured. None where it could not be, or where there is nothing of it."""

    now: datetime
    shown: int
    lists: int
    long_tail: Ratio
    genre_diversity: Ratio
    ctr: Ratio
    avg_rating: Ratio
    treatment_places: Mapping[str, int]
    experiment: ReadOut
    feedback: Feedback
    dead_letters: int | None
    difference: str | None
    candidates_updated: datetime | None
    arms_without_outcome: tuple[str, ...]
    contexts_at_cap: int
    contexts_published: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to act on: `message` in the guide's words, `headline` short, `detail` with n, `advice` what to do,
    `check` whose it is."""

    severity: Severity
    metric: str
    value: Value
    threshold: Value
    message: str
    headline: str
    detail: str
    advice: str
    check: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its figures, and its alerts, the worst of which is its status."""

    status: Status
    metrics: dict[str, Value]
    alerts: tuple[Alert, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Health:
    """All checks, in the order they are shown."""

    checks: dict[str, Check]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(alert for check in self.checks.values() for alert in check.alerts)

    @property
    def overall_status(self) -> Overall:
        return worst(self.alerts) or "healthy"


def worst(alerts: Iterable[Alert]) -> Severity | None:
    severities = {alert.severity for alert in alerts}
    return "critical" if "critical" in severities else "warning" if severities else None


def evenness_among(weights: Iterable[float], kinds: int) -> float | None:
    """Entropy of the shares relative to that of `kinds` equal ones: 1 all alike, 0 all in one; None if undefined."""
    numbers = list(weights)
    total = sum(numbers)
    if kinds < 2 or not total:
        return None
    return -sum(n / total * log(n / total) for n in numbers if n) / log(kinds)
