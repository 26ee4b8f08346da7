"""The answer of /analytics/performance: the algorithms and the A/B test. Knows no SQL.

Rates and lifts are in percent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from bandit_selector.answers.stats import AlgorithmPerformance, Answer, scaled
from bandit_selector.evidence.experiment import Comparison, Exploration, Plan, ReadOut, Verdict
from bandit_selector.evidence.ratio import Lift
from bandit_selector.evidence.tally import Metric

STARS: tuple[Metric, ...] = ("avg_rating",)


class LiftAnswer(Answer):
    """Treatment's lift over control, valid at every look: relative in percent, absolute in points or stars."""

    percent: float
    percent_low: float
    percent_high: float
    difference: float
    difference_low: float
    difference_high: float
    p: float
    significant: bool

    @classmethod
    def of(cls, lift: Lift, unit: float) -> Self:
        relative, absolute = lift.relative, lift.absolute
        return cls(
            percent=100 * relative.estimate,
            percent_low=100 * relative.low,
            percent_high=100 * relative.high,
            difference=unit * absolute.estimate,
            difference_low=unit * absolute.low,
            difference_high=unit * absolute.high,
            p=lift.p,
            significant=lift.significant,
        )


class MetricAnswer(Answer):
    """One metric in both groups (null without data) and its lift (null while a group has fewer than 100 events)."""

    treatment: float | None
    control: float | None
    lift: LiftAnswer | None

    @classmethod
    def of(cls, comparison: Comparison, unit: float) -> Self:
        return cls(
            treatment=scaled(comparison.treatment.value, unit),
            control=scaled(comparison.control.value, unit),
            lift=LiftAnswer.of(comparison.lift, unit) if comparison.lift else None,
        )


def metric_answers(metrics: Mapping[Metric, Comparison]) -> dict[Metric, MetricAnswer]:
    return {
        metric: MetricAnswer.of(comparison, 1 if metric in STARS else 100) for metric, comparison in metrics.items()
    }


class ExplorationAnswer(Answer):
    """The test within one context, for exploring and not for deciding; its bounds hold in all contexts at once."""

    metrics: dict[Metric, MetricAnswer]
    sentence: str

    @classmethod
    def of(cls, exploration: Exploration) -> Self:
        return cls(metrics=metric_answers(exploration.metrics), sentence=exploration.sentence)


class GroupAnswer(AlgorithmPerformance):
    """One group of the test, by assignment."""

    users: int


class SampleRatio(Answer):
    """The split of visitors against the plan; with p below .001 the groups are not compared."""

    planned_percent: float
    observed_percent: float | None
    p: float


class SampleSize(Answer):
    """Visitors per group: planned for the lift, reached, and still needed for ± precision_percent."""

    planned_lift_percent: float
    planned_users: int | None
    reached_users: int
    precision_percent: float
    more_users: int | None


class Experiment(Answer):
    """The test of the bandit against the control list.

    `contexts` is empty in reports, and while the groups cannot be compared.
    """

    since: datetime
    groups: dict[Literal["treatment", "control"], GroupAnswer]
    metrics: dict[Metric, MetricAnswer]
    sample_ratio: SampleRatio
    sample_size: SampleSize
    verdict: Verdict
    sentence: str
    contexts: dict[str, ExplorationAnswer] = Field(default_factory=dict[str, ExplorationAnswer])

    @classmethod
    def of(cls, test: ReadOut, plan: Plan, since: datetime, explored: Mapping[str, Exploration] | None = None) -> Self:
        users = test.treatment_users + test.control_users
        return cls(
            since=since,
            groups={
                "treatment": GroupAnswer(
                    users=test.treatment_users, **AlgorithmPerformance.of(test.treatment).model_dump()
                ),
                "control": GroupAnswer(users=test.control_users, **AlgorithmPerformance.of(test.control).model_dump()),
            },
            metrics=metric_answers(test.metrics),
            sample_ratio=SampleRatio(
                planned_percent=100 * plan.treatment_share,
                observed_percent=100 * test.treatment_users / users if users else None,
                p=test.sample_ratio_p,
            ),
            sample_size=SampleSize(
                planned_lift_percent=100 * plan.lift,
                planned_users=test.planned_users,
                reached_users=min(test.treatment_users, test.control_users),
                precision_percent=100 * plan.precision,
                more_users=test.more_users,
            ),
            verdict=test.verdict,
            sentence=test.sentence,
            contexts={key: ExplorationAnswer.of(one) for key, one in (explored or {}).items()},
        )


class Performance(Answer):
    """GET /analytics/performance, from `since`, the beginning of an hour, up to now."""

    period_days: int
    since: datetime
    algorithms: dict[str, AlgorithmPerformance]
    ab_test: Experiment
