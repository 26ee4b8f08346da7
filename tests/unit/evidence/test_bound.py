"""How much one visitor weighs: few accounts set no bound, and ordinary visitors count in full."""

import numpy as np
from bandit_selector.evidence.bound import Bound, bound_of, weighed
from hypothesis import given
from hypothesis import strategies as st

QUANTILE = 0.95


def ordinary(rng: np.random.Generator, visitors: int) -> list[tuple[int, int]]:
    shown = rng.poisson(40, visitors) + 1
    return [(int(n), int(x)) for n, x in zip(shown, rng.binomial(shown, 0.12), strict=True)]


def test_ten_accounts_that_click_everything_set_no_bound() -> None:
    honest = ordinary(np.random.default_rng(1), 400)
    attacked = [*honest, *[(1_400, 1_400)] * 10]
    assert bound_of(attacked, QUANTILE) == bound_of(honest, QUANTILE)
    everybody = np.array(attacked, dtype=np.float64)
    shown, clicked = weighed(everybody[:, 0], everybody[:, 1], bound_of(attacked, QUANTILE))
    assert shown[-1] <= 64
    assert clicked[-1] < 0.5 * shown[-1]


def test_ordinary_visitors_count_in_full() -> None:
    honest = ordinary(np.random.default_rng(2), 2_000)
    everybody = np.array(honest, dtype=np.float64)
    shown, clicked = weighed(everybody[:, 0], everybody[:, 1], bound_of(honest, QUANTILE))
    assert (shown == everybody[:, 0]).mean() > 0.99
    assert clicked.sum() > 0.995 * everybody[:, 1].sum()


def test_a_quantile_of_one_bounds_nobody() -> None:
    assert bound_of([(10, 3)] * 50, 1.0) is None
    assert bound_of([], QUANTILE) is None


@given(
    st.lists(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1),
    st.integers(0, 12),
    st.floats(0.05, 1),
)
def test_nobody_weighs_more_than_the_bound_or_than_was_shown(
    visitors: list[tuple[int, int]], power: int, rate: float
) -> None:
    shown, clicked = np.array(visitors, dtype=np.float64).T
    n, x = weighed(shown, clicked, Bound(2**power, rate))
    assert (n <= np.minimum(shown, 2**power)).all()
    assert ((x >= 0) & (x <= n + 1e-9) & (x <= clicked + 1e-9)).all()
