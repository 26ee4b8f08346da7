"""What a team wants to know before and after it ships: the share in force, the shadow, the goals. Must not know SQL.

Rates and shares are in percent.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal, Self

from pydantic import Field

from bandit_selector.answers.stats import Answer, BanditStats, scaled
from bandit_selector.health.goals import Goal, State
from bandit_selector.health.readiness import ShadowArm, ShadowDays


class GoalAnswer(Answer):
    """One line of a checklist, and the figure that it is judged by."""

    stage: str
    goal: str
    state: State
    figure: str

    @classmethod
    def of(cls, goal: Goal) -> Self:
        return cls(stage=goal.stage, goal=goal.name, state=goal.state, figure=goal.figure)


class ShareAnswer(Answer):
    """Treatment's share of visitors in force, since when and why; `braked` if the brake took it a step back."""

    percent: float
    braked: bool
    why: str
    since: datetime


class ShadowArmAnswer(Answer):
    """One algorithm in the shadow: its share of the places that were drawn, of the shown places for which it had a
    movie, and of those at which it would have put the movie that was shown; and the outcomes of the last."""

    algorithm: str
    drawn_percent: float
    stocked_percent: float
    agreed_percent: float
    outcomes: int
    success_percent: float | None

    @classmethod
    def of(cls, arm: ShadowArm, drawn: int) -> Self:
        outcomes = arm.successes + arm.failures
        return cls(
            algorithm=arm.arm,
            drawn_percent=_percent(arm.drawn, drawn),
            stocked_percent=_percent(arm.stocked, arm.places),
            agreed_percent=_percent(arm.agreed, arm.places),
            outcomes=outcomes,
            success_percent=_success_percent(arm.successes, outcomes),
        )


class ShadowAnswer(Answer):
    """The shadow of the last 28 days: how far both lists agree, what drawing costs, what would be drawn, and whether
    the data supports going live."""

    since: date
    until: date
    lists: int
    undrawn: int
    same_percent: float = Field(description="of the places: both lists have the same movie there")
    common_percent: float = Field(description="of the shown movies: the bandit's list has them, too")
    median_ms: float | None
    slow_ms: float | None
    algorithms: list[ShadowArmAnswer]
    ready: bool
    checks: list[GoalAnswer]

    @classmethod
    def of(cls, days: ShadowDays, arms: Sequence[ShadowArm], checks: Sequence[Goal]) -> Self | None:
        """None where no shadow was drawn."""
        if days.first is None or days.last is None:
            return None
        drawn = sum(arm.drawn for arm in arms)
        return cls(
            since=days.first,
            until=days.last,
            lists=days.lists,
            undrawn=days.undrawn,
            same_percent=_percent(days.same, days.places),
            common_percent=_percent(days.common, days.places),
            median_ms=days.median_ms,
            slow_ms=days.slow_ms,
            algorithms=[ShadowArmAnswer.of(arm, drawn) for arm in arms],
            ready=all(check.state == "met" for check in checks),
            checks=[GoalAnswer.of(check) for check in checks],
        )


class HistoryAnswer(Answer):
    """What is known of an algorithm from before its own outcomes, and what of it counts (HISTORY_WORTH)."""

    algorithm: str
    source: str = Field(description="`shadow`, `rows` or `states`: a shadow, the site's rows, its old bandit_states")
    outcomes: float
    success_percent: float | None
    worth: float

    @classmethod
    def of(cls, arm: str, source: str, successes: float, failures: float, each: float) -> Self:
        """`each` is what one of these outcomes counts."""
        outcomes = successes + failures
        rate = _success_percent(successes, outcomes)
        return cls(algorithm=arm, source=source, outcomes=outcomes, success_percent=rate, worth=each * outcomes)


class EvaluatedAnswer(Answer):
    """One policy: successes per 100 places with bounds, and against what was served; or why it cannot be told."""

    policy: str
    per_100: float | None = None
    low: float | None = None
    high: float | None = None
    lift_percent: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    refusal: str = ""


class EvaluationAnswer(Answer):
    """The newest answer of `./dev evaluate` about this database."""

    made_at: datetime
    impressions: int
    served_per_100: float
    policies: list[EvaluatedAnswer]

    @classmethod
    def of(cls, made_at: datetime, answer: dict[str, Any]) -> Self:
        return cls(
            made_at=made_at,
            impressions=answer["impressions"],
            served_per_100=100 * answer["served"],
            policies=[_evaluated(one) for one in answer["policies"]],
        )


class Shipping(Answer):
    """Where the team stands. `share` is null before the first plan, `shadow` without one, `evaluation` before
    `./dev evaluate` has read this database."""

    bandit: Literal["on", "off", "shadow"]
    share: ShareAnswer | None
    shadow: ShadowAnswer | None
    history: list[HistoryAnswer]
    evaluation: EvaluationAnswer | None


class TeamStats(BanditStats):
    """GET /analytics/bandit/stats."""

    shipping: Shipping


def _evaluated(one: dict[str, Any]) -> EvaluatedAnswer:
    value = one.get("value")
    if not value:
        return EvaluatedAnswer(policy=one["policy"], refusal=one.get("refusal") or "")
    robust, lift = value["doubly_robust"], value["lift"]
    return EvaluatedAnswer(
        policy=one["policy"],
        per_100=scaled(robust["estimate"], 100),
        low=scaled(robust["low"], 100),
        high=scaled(robust["high"], 100),
        lift_percent=scaled(lift["estimate"], 100),
        lift_low=scaled(lift["low"], 100),
        lift_high=scaled(lift["high"], 100),
    )


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0


def _success_percent(successes: float, outcomes: float) -> float | None:
    return 100 * successes / outcomes if outcomes else None
