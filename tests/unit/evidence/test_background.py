"""Covariates from before the test, against simulation: they save visitors, call no more A/A tests, and are off where
they would not pay. `./dev bench evidence` has more runs."""

import numpy as np
import pytest
from bandit_selector.evidence.background import Adjustment, Background, adjustment, covariates, ratios, saved
from bandit_selector.evidence.experiment import Part, Plan, read_out
from bandit_selector.evidence.lift import contrast
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally
from bandit_selector.evidence.words import sentence

from benchmarks._evidence_read import adjusted
from benchmarks._evidence_worlds import CLUSTERS, Known

LOOKS, DECIDED = 20, 4


@pytest.mark.parametrize("back", [0.2, 0.5])
def test_returning_visitors_save_some_of_the_others(back: float) -> None:
    rng = np.random.default_rng(1)
    runs = [Known(2_000, 2_000, back).run(rng, 1) for _ in range(20)]
    shares = [float(saved(sums[-1], known[-1], ("earlier",))) for sums, known in runs]
    assert 0.5 * back < np.mean(shares) < 1.1 * back


def test_nothing_is_adjusted_where_nobody_was_known_and_the_time_of_day_tells_nothing() -> None:
    rng = np.random.default_rng(2)
    chosen = [adjustment(*(part[-1] for part in Known(2_000, 2_000, 0.0).run(rng, 1))) for _ in range(30)]
    assert sum(one != Adjustment() for one in chosen) <= 2


def test_the_time_of_day_is_adjusted_for_where_click_rates_follow_it() -> None:
    world = Known(4_000, 4_000, 0.0, sigma=0.3, taste=0.2, daypart=0.7)
    found = adjustment(*(part[-1] for part in world.run(np.random.default_rng(3), 1)))
    assert found.covariates == ("daypart",)
    assert found.saved > 0.15


@pytest.mark.parametrize("world", [Known(1_000, 1_000, 0.5), Known(200, 1_800, 0.5, daypart=0.5)])
def test_an_adjusted_test_without_a_difference_is_rarely_called(world: Known) -> None:
    rng = np.random.default_rng(4)
    assert sum(adjusted(*world.run(rng, LOOKS), 0.15, DECIDED)[0] for _ in range(60)) <= 4


def test_the_adjusted_lift_is_the_lift_and_nearer_to_it() -> None:
    rng = np.random.default_rng(5)
    plain: list[float] = []
    sharper: list[float] = []
    for _ in range(60):
        sums, known = Known(2_000, 2_000, 0.8, lift=0.1).run(rng, 1)
        plain.append(float(contrast(sums[-1]).log_lift))
        sharper.append(float(contrast(sums[-1], covariates(known[-1], ("earlier",))).log_lift))
    assert np.mean(sharper) == pytest.approx(np.log(1.1), abs=0.015)
    assert np.std(sharper) < 0.8 * np.std(plain)


def test_a_covariate_without_data_changes_nothing() -> None:
    sums, known = Known(1_000, 1_000, 0.0).run(np.random.default_rng(6), 1)
    assert float(contrast(sums[-1], covariates(known[-1], ("earlier",))).log_lift) == pytest.approx(
        float(contrast(sums[-1]).log_lift)
    )
    assert covariates(known[-1], ()) is None


def parts(sums: np.ndarray, known: np.ndarray) -> list[Part]:
    """One look as the store tells it; the last time of day is whatever the others are not."""
    return [
        Part(
            0,
            group,
            cluster,
            Tally(int(sums[0, at, cluster, 1]), int(sums[0, at, cluster, 0])),
            background=Background(
                int(known[1, 0, at, cluster, 1]),
                known[0, 0, at, cluster, 1],
                known[0, 0, at, cluster, 0],
                *(int(known[ratio, 0, at, cluster, 0]) for ratio in (1, 2, 3)),
            ),
        )
        for at, group in enumerate(("treatment", "control"))
        for cluster in range(CLUSTERS)
    ]


def test_the_read_out_says_how_many_visitors_are_saved() -> None:
    found = parts(*(part[-1] for part in Known(4_000, 4_000, 0.5).run(np.random.default_rng(7), 1)))
    arrivals = [Arrivals(0.5, 4_000, 4_000)]
    plain = read_out(found, arrivals, Plan(0.5, 0.15), days=8)
    assert plain.adjustable is not None
    assert plain.adjustable.covariates == ("earlier",)
    assert plain.saved_users == 0
    sharper = read_out(found, arrivals, Plan(0.5, 0.15, adjustment=plain.adjustable), days=8)
    assert sharper.saved_users == pytest.approx(4_000 * plain.adjustable.saved / (1 - plain.adjustable.saved), abs=1)
    assert (sharper.information or 0) > 1.3 * (plain.information or 0)
    assert sharper.metrics["ctr"].treatment == plain.metrics["ctr"].treatment
    assert sentence(sharper)


def test_every_ratio_of_a_background_has_its_place() -> None:
    assert ratios(Background(9, 40, 6, 2, 3, 4)) == [(6, 40), (2, 9), (3, 9), (4, 9)]
