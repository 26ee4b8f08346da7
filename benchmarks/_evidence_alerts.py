"""How often the monitor's alerts come without cause, on synthetic windows judged by the product. Knows no database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from bandit_selector.evidence.experiment import read_out
from bandit_selector.evidence.ratio import Ratio, clustered
from bandit_selector.health.checks import judge
from bandit_selector.health.facts import Facts, Feedback
from bandit_selector.services.experiment import planned
from bandit_selector.services.report import thresholds
from bandit_selector.settings import Settings
from numpy.typing import NDArray

from benchmarks._evidence_worlds import CLUSTERS

NOW: Final = datetime(2026, 6, 10, 9, tzinfo=UTC)
LIMITS: Final = thresholds(Settings())
FINE: Final = Ratio(9_000.0, 10_000.0, 1e-6)
SITE: Final = Facts(
    now=NOW,
    shown=20_000,
    lists=2_000,
    long_tail=FINE,
    genre_diversity=FINE,
    ctr=FINE,
    avg_rating=Ratio(4_000.0, 1_000.0, 1e-3),
    treatment_places={"svd": 7_000, "graph": 3_000},
    arm_shares={},
    experiment=read_out([], [], planned(Settings())),
    feedback=Feedback(FINE, NOW - timedelta(minutes=3), (1,) * 20, Ratio(1_500.0, 10_000.0, 1e-5)),
    dead_letters=0,
    difference=None,
    candidates_updated=NOW,
    partitions=None,
    arms_without_outcome=(),
    contexts_published=24,
    expected_shares={},
    forgettings=0,
)
Window = Callable[[np.random.Generator], dict[str, Any]]


def alerted(windows: int, window: Window, metric: str) -> int:
    """In how many windows the product alerts about a metric."""
    rng = np.random.default_rng(73)
    judged = (judge(replace(SITE, **window(rng)), LIMITS) for _ in range(windows))
    return sum(any(alert.metric == metric for alert in one.alerts) for one in judged)


def few_ratings(rng: np.random.Generator) -> dict[str, Any]:
    """Poisson(3) ratings in half stars, each of another visitor; their mean is 3.8."""
    number = int(rng.poisson(3))
    stars = np.clip(np.round(2 * rng.normal(3.81, 1.0, number)) / 2, 0.5, 5.0)
    return {"avg_rating": _ratio(rng, stars, np.ones(number))}


def ratings_at_limit(rng: np.random.Generator) -> dict[str, Any]:
    number = _number(rng, 300)
    return {"avg_rating": _ratio(rng, number * _own(rng, number, LIMITS.min_avg_rating, 0.5, 1.0), number)}


def genres_at_limit(rng: np.random.Generator) -> dict[str, Any]:
    number = _number(rng, 500)
    return {"genre_diversity": _ratio(rng, number * _own(rng, number, LIMITS.min_genre_diversity, 0.1, 0.1), number)}


def joins_at_limit(rng: np.random.Generator) -> dict[str, Any]:
    """A visitor's messages all find their lists, or none does: an old page in the browser's cache."""
    number = _number(rng, 700)
    joined = _ratio(rng, number * (rng.random(700) < LIMITS.min_join_rate), number)
    return {"feedback": replace(SITE.feedback, joined=joined)}


def dominance_at_limit(rng: np.random.Generator) -> dict[str, Any]:
    """An arm's share differs by visitor, because contexts differ."""
    number = 10 * _number(rng, 300)
    limit = LIMITS.max_algorithm_dominance
    own = rng.beta(4 * limit, 4 * (1 - limit), 300)
    share = _ratio(rng, rng.binomial(number.astype(np.int64), own).astype(np.float64), number)
    places = round(10_000 * (share.value or 0.0))
    return {"treatment_places": {"svd": places, "graph": 10_000 - places}, "arm_shares": {"svd": share}}


def _number(rng: np.random.Generator, visitors: int) -> NDArray[np.float64]:
    """How often each visitor is in a window."""
    return (1 + rng.poisson(2.0, visitors)).astype(np.float64)


def _own(
    rng: np.random.Generator, number: NDArray[np.float64], mean: float, between: float, within: float
) -> NDArray[np.float64]:
    """Each visitor's mean of `number` values."""
    return mean + between * rng.normal(size=len(number)) + within / np.sqrt(number) * rng.normal(size=len(number))


def _ratio(rng: np.random.Generator, x: NDArray[np.float64], n: NDArray[np.float64]) -> Ratio:
    cluster = rng.integers(CLUSTERS, size=len(n))
    sums = [np.bincount(cluster, part, CLUSTERS) for part in (x, n)]
    return clustered(zip(*(part.tolist() for part in sums), strict=True))
