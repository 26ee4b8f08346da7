"""The answer of /analytics/performance: the algorithms and the A/B test. Knows no SQL.

Rates and lifts are in percent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from bandit_selector.answers.stats import AlgorithmPerformance, Answer, scaled
from bandit_selector.evidence.background import Covariate
from bandit_selector.evidence.experiment import Comparison, ReadOut, Verdict, per_group
from bandit_selector.evidence.exploration import Exploration
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.tally import Metric, Tally
from bandit_selector.evidence.words import exploration_sentence, sentence

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
    """One metric in both groups (null without data) and its lift (null while it cannot be read out)."""

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
        return cls(metrics=metric_answers(exploration.metrics), sentence=exploration_sentence(exploration))


class GroupAnswer(Answer):
    """One group of the test, by assignment; `users` came to this group first."""

    users: int
    total_recommendations: int
    total_clicks: int
    total_ratings: int
    avg_rating: float | None
    total_thumbs_up: int
    total_thumbs_down: int
    ctr: float
    rating_rate: float
    thumbs_up_rate: float
    thumbs_down_rate: float

    @classmethod
    def of(cls, users: int, tally: Tally) -> Self:
        known = AlgorithmPerformance.of(tally).model_dump(exclude={"total_favorites", "total_watchlist"})
        return cls(users=users, **known)


class PhaseAnswer(Answer):
    """A phase of the test, with one planned share of treatment; groups are compared within phases."""

    phase: int
    treatment_percent: float
    began_at: datetime | None


class SampleRatio(Answer):
    """The split of visitors against the plan, each visitor once; with p below .001 the groups are not compared.

    p is 1, and the split is not tested, where all of the visitors or none were planned for treatment.
    """

    planned_percent: float
    observed_percent: float | None
    p: float


class SampleSize(Answer):
    """Visitors per group: planned for the lift, reached, and still needed for ± precision_percent. Of unequal groups it
    is the harmonic mean: two equal groups of that size compare as precisely.

    The plan is fixed once: with half of the planned information, after two weeks, or by PLANNED_CTR; null before.
    `information_percent` is how much of the planned information there is: visitors who return add to it. `saved_users`:
    the lift in CTR is `adjusted_for` what was known of visitors when they came, and so is as exact as with so many more
    per group.
    """

    planned_lift_percent: float
    planned_users: int | None
    reached_users: int
    information_percent: float | None
    precision_percent: float
    more_users: int | None
    adjusted_for: list[Covariate] = Field(default_factory=list[Covariate])
    saved_users: int = 0


class Experiment(Answer):
    """The test of the bandit against the control list, from `since` to `until`, whatever window was asked for.

    `contexts` is empty in reports, and while the groups cannot be compared. `fallback_shown`: movies of treatment that
    were shown in a control list, because the bandit failed. `notes` say what one must know to read the figures.
    """

    since: datetime
    until: datetime
    groups: dict[Literal["treatment", "control"], GroupAnswer]
    fallback_shown: int
    phases: list[PhaseAnswer]
    metrics: dict[Metric, MetricAnswer]
    sample_ratio: SampleRatio
    sample_size: SampleSize
    verdict: Verdict
    sentence: str
    notes: list[str]
    contexts: dict[str, ExplorationAnswer] = Field(default_factory=dict[str, ExplorationAnswer])

    @classmethod
    def of(
        cls,
        test: ReadOut,
        *,
        since: datetime,
        until: datetime,
        phases: Sequence[PhaseAnswer] = (),
        fallback_shown: int = 0,
        notes: Sequence[str] = (),
    ) -> Self:
        return cls(
            since=since,
            until=until,
            groups={
                "treatment": GroupAnswer.of(test.treatment_users, test.treatment),
                "control": GroupAnswer.of(test.control_users, test.control),
            },
            fallback_shown=fallback_shown,
            phases=list(phases),
            metrics=metric_answers(test.metrics),
            sample_ratio=_sample_ratio(test),
            sample_size=_sample_size(test),
            verdict=test.verdict,
            sentence=sentence(test),
            notes=list(notes),
        )

    def with_contexts(self, explored: Mapping[str, Exploration]) -> Self:
        return self.model_copy(update={"contexts": {key: ExplorationAnswer.of(one) for key, one in explored.items()}})


def _sample_ratio(test: ReadOut) -> SampleRatio:
    users = test.treatment_users + test.control_users
    return SampleRatio(
        planned_percent=100 * test.planned_share,
        observed_percent=100 * test.treatment_users / users if users else None,
        p=test.sample_ratio_p,
    )


def _sample_size(test: ReadOut) -> SampleSize:
    return SampleSize(
        planned_lift_percent=100 * test.plan.lift,
        planned_users=test.plan.users,
        reached_users=round(per_group(test.treatment_users, test.control_users)),
        information_percent=scaled(test.information, 100),
        precision_percent=100 * test.plan.precision,
        more_users=test.more_users,
        adjusted_for=list(test.adjusted_for),
        saved_users=test.saved_users,
    )


class Performance(Answer):
    """GET /analytics/performance: algorithms and groups from `since`, the beginning of an hour, to `until`.

    These describe the window. The test is judged from its own start: `ab_test` has its own `since` and `until`.
    """

    period_days: int
    since: datetime
    until: datetime
    groups: dict[str, AlgorithmPerformance]
    algorithms: dict[str, AlgorithmPerformance]
    ab_test: Experiment
