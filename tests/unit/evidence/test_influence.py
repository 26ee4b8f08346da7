"""Winsorised totals: one cap for both groups, which few accounts can neither set nor exceed."""

from bandit_selector.evidence.influence import LARGEST_GROUP, cap, winsorised
from hypothesis import given
from hypothesis import strategies as st

totals = st.lists(st.tuples(st.integers(0, 60).map(float), st.integers(1, 200).map(float)), max_size=60)


@given(totals, totals)
def test_caps_are_alike_in_both_groups_and_nobody_gains(
    ours: list[tuple[float, float]], theirs: list[tuple[float, float]]
) -> None:
    used = winsorised({"treatment": ours, "control": theirs})
    swapped = winsorised({"control": ours, "treatment": theirs})
    assert used["treatment"] == swapped["control"]
    for given_totals, kept in ((ours, used["treatment"]), (theirs, used["control"])):
        assert len(kept) == len(given_totals)
        assert all(
            x <= before_x and n <= before_n for (x, n), (before_x, before_n) in zip(kept, given_totals, strict=True)
        )


@given(
    st.lists(st.integers(1, 60).map(float), min_size=2 * LARGEST_GROUP, max_size=80),
    st.integers(1, LARGEST_GROUP),
    st.floats(1e3, 1e9),
)
def test_up_to_twenty_accounts_cannot_raise_the_cap_beyond_what_honest_visitors_do(
    honest: list[float], accounts: int, size: float
) -> None:
    assert cap([*honest, *[size] * accounts]) <= max(honest)


def test_without_extremes_the_usual_quantile_is_the_cap() -> None:
    assert cap([float(value) for value in range(10_000)]) == 9_899
