"""The fields that the analytics routes answer; those that the site's dashboards read keep their names and meanings.

Must not know routes or SQL. Rates are in percent and ratings in stars; in /analytics/bandit/stats rates lie between 0
and 1.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict

from bandit_selector.evidence.tally import Tally, group_of, total
from bandit_selector.settings import Settings
from bandit_selector.store.activity import Cell


class Answer(BaseModel):
    """The base of all answers: they are immutable."""

    model_config = ConfigDict(frozen=True)


class Counted(Answer):
    """The outcomes that the bandit learned from; `total_pulls` counts neutral ones, too."""

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
    """One context and arm: α and β as counted, and the published posterior (null before the first publication)."""

    algorithm: str
    context_key: str
    alpha: float
    beta: float
    success_rate: float
    posterior_alpha: float | None
    posterior_beta: float | None
    probability: float | None


class Silence(Answer):
    """Which movies without feedback count as failures in lists that are shown now; older lists keep their own rule."""

    rule: Literal["shown", "seen", "off"]
    sentence: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        minutes = (settings.silence_counts_after or timedelta()) / timedelta(minutes=1)
        return cls(rule=settings.silence, sentence=SENTENCES[settings.silence].format(minutes=minutes))


SENTENCES: Final = {
    "shown": "A movie that was shown counts as a failure if it gets no feedback within {minutes:g} minutes.",
    "seen": (
        "A movie that was seen counts as a failure if it gets no feedback within {minutes:g} minutes of its list;"
        " a movie that was not seen counts nowhere."
    ),
    "off": "Only feedback counts: a movie without any has no outcome.",
}


class BanditStats(Answer):
    """What is learned, and what silence means."""

    silence: Silence
    summary: BanditSummary
    algorithm_summary: dict[str, ArmStats]
    detailed_stats: dict[str, CellStats]

    @classmethod
    def of(cls, cells: list[Cell], settings: Settings) -> Self:
        arms = sorted({cell.arm for cell in cells})
        everything = _counted(cells)
        return cls(
            silence=Silence.of(settings),
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


class Backlog(Answer):
    """GET /analytics/queue: messages that wait, that the consumer is processing, and that are in the dead-letter queue.

    A count is None if the queue did not answer; `sentence` then says why. With dead letters it says what to do.
    """

    waiting: int | None
    underway: int | None
    dead_letters: int | None
    sentence: str


def group_totals(algorithms: Mapping[str, Tally]) -> dict[str, Tally]:
    """The tally of each group of the test, from the tallies of the algorithms."""
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
