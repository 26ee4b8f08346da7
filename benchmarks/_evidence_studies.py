"""Studies of the read-out on synthetic visitors: each gives figures and their limits. Knows no database and no file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from bandit_selector.evidence.bound import bound_of, weighed
from bandit_selector.evidence.experiment import CLUSTERS
from bandit_selector.evidence.exploration import ENOUGH
from bandit_selector.evidence.lift import Array, boundary, planned_error
from bandit_selector.evidence.ratio import LEVEL
from bandit_selector.evidence.split import MISMATCH_BELOW, log_evidence
from bandit_selector.settings import Settings
from numpy.typing import NDArray

from benchmarks._evidence_alerts import (
    alerted,
    dominance_at_limit,
    few_ratings,
    genres_at_limit,
    joins_at_limit,
    ratings_at_limit,
)
from benchmarks._evidence_mornings import Newcomers, called
from benchmarks._evidence_plans import COMING, plannable
from benchmarks._evidence_read import adjusted, ever, verdicts
from benchmarks._evidence_worlds import PER_DAY, PLANNED, RATE, Known, Population, contexts, fresh, newcomers

SIXTY: Final = np.linspace(1 / 60, 1, 60)
GEOMETRIC: Final = np.geomspace(0.01, 1, 120)
EACH: Final = LEVEL / 24
QUANTILE: Final = Settings().visitor_weight_quantile


@dataclass(frozen=True, slots=True)
class Figure:
    """A study's result: how many of its runs were called, or a value; and the limit of either, as it is written.

    `before` is the rate of false verdicts before what mends it, where it was measured.
    """

    study: str
    value: float
    runs: int | None
    limit: str
    before: float | None = None
    unit: str = ""


Study = Callable[[int], list[Figure]]


def _called(name: str, runs: int, called: int, limit: float, before: float | None = None) -> Figure:
    return Figure(name, called, runs, f"at most {100 * limit:g} %", before)


def _population(name: str, population: Population, moments: Array, lift: float, before: float) -> Study:
    def study(runs: int) -> list[Figure]:
        rng = np.random.default_rng(17)
        called = sum(ever(population.run(rng, moments)[:, None], lift) for _ in range(runs))
        return [_called(name, runs, called, LEVEL, before)]

    return study


def _mornings(runs: int) -> list[Figure]:
    """As the monitor: visitors are bounded, and it is decided once what is adjusted; the time of day tells nothing."""
    rng, found = np.random.default_rng(19), 0
    for _ in range(runs):
        groups = [newcomers(rng, 90, PER_DAY) for _ in range(2)]
        clicked, cluster = (np.stack(one, axis=1) for one in zip(*groups, strict=True))
        visitors = Newcomers(clicked, cluster, rng.integers(4, size=clicked.shape))
        found += bool(called(visitors, PLANNED, QUANTILE).any())
    return [_called(f"{PER_DAY} new visitors a day and group, 90 mornings", runs, found, LEVEL, 0.123)]


def _ramp(runs: int) -> list[Figure]:
    """Share .1, from day 30 on .5, when all click 20 % less: two phases."""
    rng = np.random.default_rng(43)
    called = 0
    for _ in range(runs):
        sums = np.zeros((60, 2, 2, CLUSTERS, 2))
        for phase, (share, rate, days) in enumerate(((0.1, RATE, 30), (0.5, 0.8 * RATE, 30))):
            made = fresh(rng, days, (round(400 * share), round(400 * (1 - share))), rate=rate)
            sums[30 * phase : 30 * phase + days, phase] = made
        called += ever(sums.cumsum(axis=0), PLANNED)
    return [_called("a ramp from 10 to 50 % on day 30 while the CTR falls by 20 %", runs, called, LEVEL, 0.51)]


def _splits(name: str, shares: Sequence[float], a_day: int, before: float, limit: float) -> Study:
    """Visitors who come first at the planned share of each day."""

    def study(runs: int) -> list[Figure]:
        alarms = _alarms(np.random.default_rng(23), shares, shares, a_day, runs)
        return [_called(name, runs, int(alarms.any(axis=1).sum()), limit, before)]

    return study


def _sessions(runs: int) -> list[Figure]:
    """Share .8; 30 % of the visitors have 1 + Poisson(4) sessions, each assigned anew. The first one counts."""
    rng = np.random.default_rng(47)
    alarmed = 0
    for _ in range(runs):
        number = 60 * 60
        sessions = 1 + rng.poisson(4, number) * (rng.random(number) < 0.3)
        groups = rng.random(sessions.sum()) < 0.8
        first = groups[np.concatenate([[0], sessions.cumsum()[:-1]])]
        treated = first.reshape(60, 60).sum(axis=1).cumsum()
        counts = np.stack([treated, np.arange(60, 3601, 60) - treated], axis=-1)[:, None].astype(np.float64)
        alarmed += bool((log_evidence(counts, np.array([0.8])) > -np.log(MISMATCH_BELOW)).any())
    return [
        _called("sessions assigned anew at 80 %, 60 new visitors a day: alarms of the split", runs, alarmed, 0.005, 1)
    ]


def _uneven(runs: int) -> list[Figure]:
    alarms = _alarms(np.random.default_rng(53), [0.5] * 90, [0.52] * 90, 500, runs)
    day = np.where(alarms.any(axis=1), alarms.argmax(axis=1) + 1, np.inf)
    return [Figure("52 to 48 in place of halves, 500 visitors a day: found on day", float(np.median(day)), None, "–")]


def _alarms(
    rng: np.random.Generator, shares: Sequence[float], real: Sequence[float], a_day: int, runs: int
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Whether the split alarms, [run, day]."""
    kinds = np.unique(shares)
    which = np.searchsorted(kinds, shares)
    counts = np.zeros((runs, len(shares), len(kinds), 2))
    treated = rng.binomial(a_day, np.array(real), size=(runs, len(shares)))
    counts[:, np.arange(len(shares)), which, 0] = treated
    counts[:, np.arange(len(shares)), which, 1] = a_day - treated
    return log_evidence(counts.cumsum(axis=1), kinds) > -np.log(MISMATCH_BELOW)


def _adjusted(runs: int) -> list[Figure]:
    """What is adjusted is decided on the seventh of 60 looks."""
    answer: list[Figure] = []
    for name, world in KNOWN.items():
        rng = np.random.default_rng(59)
        found = [adjusted(*world.run(rng, 60), PLANNED, 6) for _ in range(runs)]
        answer.append(_called(f"{name}: called", runs, sum(called for called, _, _ in found), LEVEL))
        shares = [saved for _, chosen, saved in found if chosen]
        answer.append(Figure(f"{name}: adjusted in", len(shares), runs, "–"))
        if shares:
            saved = 100 * float(np.mean(shares))
            answer.append(Figure(f"{name}: visitors saved where adjusted", saved, None, "–", unit=" %"))
    return answer


KNOWN: Final[Mapping[str, Known]] = {
    "20 % of the visitors known from before": Known(1_000, 1_000, 0.2),
    "50 % of the visitors known from before": Known(1_000, 1_000, 0.5),
    "the same in groups of 200 and 1,800": Known(200, 1_800, 0.5),
    "the time of day tells": Known(1_000, 1_000, 0.0, sigma=0.3, taste=0.2, daypart=0.7),
    "nobody known, and the time of day tells nothing": Known(1_000, 1_000, 0.0),
}


def _contexts(runs: int) -> list[Figure]:
    rng, number = np.random.default_rng(29), max(1, runs // 10)
    found = [
        verdicts(contexts(rng, 1_000, 1, 0.3)[-1][..., None, :, :, :], PLANNED, EACH, ENOUGH)[0].sum()
        for _ in range(number)
    ]
    rng, called = np.random.default_rng(61), 0
    for _ in range(number):
        higher, lower = verdicts(contexts(rng, 1_000, 10)[..., None, :, :, :], PLANNED, EACH, ENOUGH)
        called += bool((higher | lower).any())
    return [
        Figure(
            "+30 % in each of 24 contexts, 200 movies a visitor: contexts found",
            float(np.mean(found)),
            None,
            "8 or more",
        ),
        _called("24 contexts without a difference, ten looks: any called", number, called, LEVEL, 0.061),
    ]


def _power(runs: int) -> list[Figure]:
    """The textbook's case: visitors who are alike come once. Read as the product reads, with visitors bounded; and with
    the variance known and a normal's quantile, which is the least that looking often costs."""
    rng, movies, days = np.random.default_rng(67), 10, 20
    users = round(2 * (1 - RATE) / RATE / movies / planned_error(PLANNED) ** 2)
    each = -(-users // days)
    product = textbook = 0
    for _ in range(runs):
        clicked = rng.binomial(movies, [[[RATE * (1 + PLANNED)], [RATE]]] * days, size=(days, 2, each)).astype(float)
        limit = bound_of([(movies, int(one)) for one in clicked.ravel()], 0.95)
        shown, bounded = weighed(np.full_like(clicked, movies), clicked, limit)
        place = rng.integers(CLUSTERS, size=clicked.shape)
        product += bool(verdicts(_by_cluster(bounded, shown, place).cumsum(axis=0)[:, None], PLANNED)[0].any())
        sums = np.stack([clicked.sum(-1), np.full((days, 2), movies * each)], axis=-1)[:, :, None].cumsum(axis=0)
        number = movies * each * np.arange(1, days + 1)
        rate = sums[..., 0].sum(-1) / number[:, None]
        error = np.sqrt(((1 - rate) / rate).sum(-1) / number)
        reach = boundary((planned_error(PLANNED) / error) ** 2) * error
        textbook += bool((np.log(rate[:, 0] / rate[:, 1]) > reach).any())
    return [
        Figure(f"+15 %, {users:,} visitors a group as planned, 20 looks: found", product, runs, "80 % or more"),
        Figure("the same with the variance known (textbook)", textbook, runs, "at most 2 points more"),
    ]


def _by_cluster(clicked: Array, shown: Array, place: NDArray[np.int64]) -> Array:
    """From [day, group, visitor]: sums [day, group, cluster, (clicked, shown)]."""
    days, groups, _ = clicked.shape
    first: NDArray[np.int64] = np.arange(days * groups, dtype=np.int64).reshape(days, groups, 1)
    at: NDArray[np.int64] = (first * CLUSTERS + place).ravel()
    sums = [np.bincount(at, part.ravel(), days * groups * CLUSTERS) for part in (clicked, shown)]
    return np.stack(sums, axis=-1).reshape(days, groups, CLUSTERS, 2)


def _planned(runs: int) -> list[Figure]:
    """The first number that is planned against every later one, and against the visitors that it took in the end."""
    answer: list[Figure] = []
    for name, world in COMING.items():
        rng, worst = np.random.default_rng(71), 0.0
        for _ in range(max(1, runs // 20)):
            known, took = plannable(world(rng))
            worst = max(worst, known[0] / min(*known, took), max(*known, took) / known[0]) if known else worst
        before = 8.8 if name == "who return for 3 days" else None
        answer.append(Figure(f"planned visitors {name}: first against every later, factor", worst, None, "2", before))
    return answer


def _alerts(runs: int) -> list[Figure]:
    """Windows of a site at its thresholds, where a one-sided alert should come on 2.5 % of the days."""
    return [
        _called(name, 2 * runs, alerted(2 * runs, window, metric), limit, before)
        for name, window, metric, limit, before in (
            ("Poisson(3) ratings a window, mean 3.8 stars: critical", few_ratings, "avg_rating", 0.0025, None),
            ("ratings at their limit: alerts", ratings_at_limit, "avg_rating", 0.035, None),
            ("join rate at its limit: alerts", joins_at_limit, "join_rate", 0.035, 0.077),
            ("genre diversity at its limit: alerts", genres_at_limit, "genre_diversity", 0.035, 0.059),
            ("an arm at the dominance limit: alerts", dominance_at_limit, "algorithm_dominance:svd", 0.035, 0.055),
        )
    ]


STUDIES: Final[Mapping[str, Study]] = {
    "small group": _population(
        "1,900 and 100 visitors, 60 looks", Population(100, 1900, 1.8, 0.5, 0.4), SIXTY, PLANNED, 0.068
    ),
    "tiny group": _population(
        "4,950 and 50 visitors, 60 looks", Population(50, 4950, 1.8, 0.5, 0.4), SIXTY, PLANNED, 0.158
    ),
    "nobody bounded": _population(
        "500 and 9,500 visitors of very uneven activity (σ 2), nobody bounded, 60 looks",
        Population(500, 9500, 2.0, 0.5, 0.4),
        SIXTY,
        PLANNED,
        0.047,
    ),
    "large planned lift": _population(
        "600 a group, heavy visitors, PLANNED_LIFT 1, 120 looks", Population(600, 600, 1.8, 1.0), GEOMETRIC, 1.0, 0.279
    ),
    "few": _population(
        "30 a group with 1,000 movies each, PLANNED_LIFT .5, 60 looks",
        Population(30, 30, 0.5, 0.5, movies=1_000.0),
        SIXTY,
        0.5,
        0.12,
    ),
    "mornings": _mornings,
    "ramp": _ramp,
    "ramp split": _splits(
        "a ramp from 10 to 50 % on day 30, 400 visitors a day: alarms of the split",
        [0.1] * 30 + [0.5] * 30,
        400,
        1.0,
        0.001,
    ),
    "sessions": _sessions,
    "52 to 48": _uneven,
    "covariates": _adjusted,
    "contexts": _contexts,
    "power": _power,
    "plan": _planned,
    "alerts": _alerts,
}
