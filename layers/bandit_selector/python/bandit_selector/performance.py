"""What /analytics/performance answers: each algorithm, and the A/B test as read out. Rates and lifts are in percent."""

from datetime import datetime
from typing import Literal, Self

from bandit_selector.answers import AlgorithmPerformance, Answer, scaled
from bandit_selector.evidence import Lift
from bandit_selector.experiment import Comparison, Plan, ReadOut, Verdict
from bandit_selector.tally import Metric

STARS: tuple[Metric, ...] = ("avg_rating",)


class LiftAnswer(Answer):
    """Treatment over control, valid however often one looks: relative in percent, absolute in points or stars."""

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
    """One metric in both groups (null without data) and its lift (null while fewer than 100 were seen in a group)."""

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


class GroupAnswer(AlgorithmPerformance):
    """One group of the test, as assigned."""

    users: int


class SampleRatio(Answer):
    """Whether visitors were split as planned; below p = .001 nothing else can be read out."""

    planned_percent: float
    observed_percent: float | None
    p: float


class SampleSize(Answer):
    """Visitors per group: what the planned lift needs, what is there, what is missing for ± precision_percent."""

    planned_lift_percent: float
    planned_users: int | None
    reached_users: int
    precision_percent: float
    more_users: int | None


class Experiment(Answer):
    """The test of the bandit against the control list."""

    since: datetime
    groups: dict[Literal["treatment", "control"], GroupAnswer]
    metrics: dict[Metric, MetricAnswer]
    sample_ratio: SampleRatio
    sample_size: SampleSize
    verdict: Verdict
    sentence: str

    @classmethod
    def of(cls, found: ReadOut, plan: Plan, since: datetime) -> Self:
        users = found.treatment_users + found.control_users
        return cls(
            since=since,
            groups={
                "treatment": GroupAnswer(
                    users=found.treatment_users, **AlgorithmPerformance.of(found.treatment).model_dump()
                ),
                "control": GroupAnswer(
                    users=found.control_users, **AlgorithmPerformance.of(found.control).model_dump()
                ),
            },
            metrics={
                metric: MetricAnswer.of(comparison, 1 if metric in STARS else 100)
                for metric, comparison in found.metrics.items()
            },
            sample_ratio=SampleRatio(
                planned_percent=100 * plan.treatment_share,
                observed_percent=100 * found.treatment_users / users if users else None,
                p=found.sample_ratio_p,
            ),
            sample_size=SampleSize(
                planned_lift_percent=100 * plan.lift,
                planned_users=found.planned_users,
                reached_users=min(found.treatment_users, found.control_users),
                precision_percent=100 * plan.precision,
                more_users=found.more_users,
            ),
            verdict=found.verdict,
            sentence=found.sentence,
        )


class Performance(Answer):
    """GET /analytics/performance: what was shown from `since`, the beginning of an hour, up to now."""

    period_days: int
    since: datetime
    algorithms: dict[str, AlgorithmPerformance]
    ab_test: Experiment
