"""What the analytics routes answer, field by field; the fields of the site's dashboards keep their names and meanings.

Rates and lifts are in percent and ratings in stars, but for /analytics/bandit/stats, whose rates lie between 0 and 1.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from bandit_selector.evidence import Lift
from bandit_selector.experiment import Comparison, Plan, ReadOut, Verdict
from bandit_selector.store.activity import Cell
from bandit_selector.tally import Metric, Tally, group_of, total

STARS: tuple[Metric, ...] = ("avg_rating",)


class Answer(BaseModel):
    """What all answers share: once made, they do not change."""

    model_config = ConfigDict(frozen=True)


class Counted(Answer):
    """Outcomes learned from."""

    total_pulls: int
    total_successes: int
    total_failures: int


class BanditSummary(Counted):
    total_contexts: int
    overall_success_rate: float


class ArmStats(Counted):
    """One arm over all contexts; `selection_rate` is its share of all outcomes."""

    success_rate: float
    selection_rate: float


class CellStats(Counted):
    """One context and arm: α and β as counted, and the posterior that serving draws from (null before the first)."""

    algorithm: str
    context_key: str
    alpha: float
    beta: float
    success_rate: float
    posterior_alpha: float | None
    posterior_beta: float | None
    probability: float | None


class BanditStats(Answer):
    """GET /analytics/bandit/stats."""

    summary: BanditSummary
    algorithm_summary: dict[str, ArmStats]
    detailed_stats: dict[str, CellStats]

    @classmethod
    def of(cls, cells: list[Cell]) -> Self:
        arms = sorted({cell.arm for cell in cells})
        everything = _counted(cells)
        return cls(
            summary=BanditSummary(
                **everything,
                total_contexts=len({cell.context_key for cell in cells}),
                overall_success_rate=_success_rate(everything),
            ),
            algorithm_summary={arm: _arm([cell for cell in cells if cell.arm == arm], everything) for arm in arms},
            detailed_stats={f"{cell.context_key}_{cell.arm}": _cell(cell) for cell in cells},
        )


class AlgorithmPerformance(Answer):
    total_recommendations: int
    total_clicks: int
    total_ratings: int
    avg_rating: float | None
    total_favorites: int
    total_watchlist: int
    total_thumbs_up: int
    total_thumbs_down: int
    ctr: float
    rating_rate: float
    thumbs_up_rate: float
    thumbs_down_rate: float

    @classmethod
    def of(cls, tally: Tally) -> Self:
        return cls(
            total_recommendations=tally.shown,
            total_clicks=tally.clicked,
            total_ratings=tally.rated,
            avg_rating=tally.avg_rating,
            total_favorites=tally.favorites,
            total_watchlist=tally.watchlist,
            total_thumbs_up=tally.thumbs_up,
            total_thumbs_down=tally.thumbs_down,
            ctr=tally.per_shown(tally.clicked),
            rating_rate=tally.per_shown(tally.rated),
            thumbs_up_rate=tally.per_shown(tally.thumbs_up),
            thumbs_down_rate=tally.per_shown(tally.thumbs_down),
        )


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


class RecommendationStats(Answer):
    """GET /analytics/recommendations/stats."""

    period_days: int
    since: datetime
    total_recommendations: int
    total_clicks: int
    total_ratings: int
    avg_rating: float | None
    overall_ctr: float
    overall_rating_rate: float

    @classmethod
    def of(cls, days: int, since: datetime, tally: Tally) -> Self:
        return cls(
            period_days=days,
            since=since,
            total_recommendations=tally.shown,
            total_clicks=tally.clicked,
            total_ratings=tally.rated,
            avg_rating=tally.avg_rating,
            overall_ctr=tally.per_shown(tally.clicked),
            overall_rating_rate=tally.per_shown(tally.rated),
        )


def group_totals(algorithms: Mapping[str, Tally]) -> dict[str, Tally]:
    """The tally of each group of the test."""
    groups = sorted({group_of(algorithm) for algorithm in algorithms})
    return {group: total(tally for name, tally in algorithms.items() if group_of(name) == group) for group in groups}


def _counted(cells: list[Cell]) -> dict[str, int]:
    return {
        "total_pulls": sum(cell.pulls for cell in cells),
        "total_successes": sum(cell.successes for cell in cells),
        "total_failures": sum(cell.failures for cell in cells),
    }


def _success_rate(counted: dict[str, int]) -> float:
    judged = counted["total_successes"] + counted["total_failures"]
    return counted["total_successes"] / judged if judged else 0.0


def _arm(cells: list[Cell], everything: dict[str, int]) -> ArmStats:
    counted = _counted(cells)
    share = counted["total_pulls"] / everything["total_pulls"] if everything["total_pulls"] else 0.0
    return ArmStats(**counted, success_rate=_success_rate(counted), selection_rate=share)


def _cell(cell: Cell) -> CellStats:
    return CellStats(
        algorithm=cell.arm,
        context_key=cell.context_key,
        alpha=cell.alpha,
        beta=cell.beta,
        success_rate=cell.alpha / (cell.alpha + cell.beta),
        total_pulls=cell.pulls,
        total_successes=cell.successes,
        total_failures=cell.failures,
        posterior_alpha=cell.posterior_alpha,
        posterior_beta=cell.posterior_beta,
        probability=cell.probability,
    )


def scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else unit * value
