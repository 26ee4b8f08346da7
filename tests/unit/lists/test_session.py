"""The list of a session, against its formula."""

from collections import defaultdict

import numpy as np
import pytest
from bandit_selector.lists.session import LENGTH, Neighbours, Reaction, Session, session_list
from hypothesis import given
from hypothesis import strategies as st

WEIGHTS = st.floats(0, 1, width=32)
NEIGHBOURS = st.dictionaries(st.integers(1, 30), st.tuples(WEIGHTS, WEIGHTS), min_size=1, max_size=10)
REACTIONS = st.lists(st.tuples(st.integers(0, 5), st.none() | NEIGHBOURS), max_size=15)


def neighbours(weights: dict[int, tuple[float, float]]) -> Neighbours:
    transitions, cosines = np.array(list(weights.values()), dtype=np.float32).T
    return Neighbours(np.array(list(weights)), transitions, cosines)


def session(said: list[tuple[int, dict[int, tuple[float, float]] | None]]) -> Session:
    return Session([Reaction(at, neighbours(near) if near else None) for at, near in said], frozenset({1, 2, 3}))


@given(said=REACTIONS, rated=st.sets(st.integers(1, 30)))
def test_scores_are_those_of_the_formula(
    said: list[tuple[int, dict[int, tuple[float, float]] | None]], rated: set[int]
) -> None:
    sums: tuple[dict[int, float], dict[int, float]] = (defaultdict(float), defaultdict(float))
    for at, near in said:
        age = sum(other > at for other, _ in said)
        for movie, weights in (near or {}).items():
            for total, weight in zip(sums, weights, strict=True):
                total[movie] += 0.5 ** (age / 5) * weight
    most = [max([1e-9, *total.values()]) for total in sums]
    expected = {m: sum(total[m] / top / 2 for total, top in zip(sums, most, strict=True)) for m in sums[0]}
    found = session_list(session(said), rated)
    shown = {movie: score for movie, score in expected.items() if movie not in rated and score > 0}
    assert (found is None) == (not shown)
    if found is not None:
        assert set(found.movie_ids) == set(shown)
        assert list(found.scores) == pytest.approx(sorted(shown.values(), reverse=True))
        assert [shown[movie] for movie in found.movie_ids] == pytest.approx(list(found.scores))
        assert list(found.long_tail) == [movie > 3 for movie in found.movie_ids]


def test_a_weight_that_is_not_a_number_or_negative_counts_as_nothing() -> None:
    odd = {5: (float("nan"), 0.5), 6: (float("inf"), -1.0), 7: (0.25, 0.25)}
    found = session_list(session([(0, odd)]), ())
    assert found is not None
    assert dict(zip(found.movie_ids, found.scores, strict=True)) == {7: pytest.approx(0.75), 5: pytest.approx(0.5)}


def test_a_list_is_as_long_as_a_nightly_one_at_most() -> None:
    near = {movie: (1 / movie, 1 / movie) for movie in range(1, 200)}
    found = session_list(session([(0, near)]), ())
    assert found is not None
    assert list(found.movie_ids) == list(range(1, LENGTH + 1))
