"""The neighbours of movies, against their definition written out slowly."""

from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from functions.candidates.neighbours import APART, Transitions, neighbourhoods
from functions.candidates.ratings import RatingTable, rating_table
from functions.candidates.similarity import cosines


def timed_table(seed: int, users: int, movies: int, share: float, moments: int) -> RatingTable:
    """Random ratings at a few moments, so that many are simultaneous; some have none."""
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((users, movies)) < share)
    values = rng.integers(1, 11, len(rows)) / 2
    times = rng.integers(0, moments, len(rows)).astype(np.float64)
    times[rng.random(len(rows)) < 0.05] = np.nan
    return rating_table(rows + 1, columns + 1, values, [(movie, ()) for movie in range(1, movies + 1)], times)


def ages_of(table: RatingTable) -> NDArray[np.int64]:
    assert table.ages is not None
    return table.ages


def slow_transitions(table: RatingTable) -> NDArray[np.float64]:
    ages, (_, movies) = ages_of(table), table.matrix.shape
    pairs = np.zeros((movies, movies))
    for start, stop in zip(table.matrix.indptr, table.matrix.indptr[1:], strict=False):
        for first in range(start, stop):
            for second in range(start, stop):
                apart = int(ages[first] - ages[second])
                if first != second and 0 <= apart <= APART and min(ages[first], ages[second]) >= 0:
                    pairs[table.matrix.indices[first], table.matrix.indices[second]] += exp(-apart / 10)
    rows, columns = pairs.sum(axis=1), pairs.sum(axis=0)
    return np.array([[pairs[i, j] / sqrt(rows[i] + 2) / sqrt(columns[j] + 2) for j in range(movies)]
                     for i in range(movies)])  # fmt: skip


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    users=st.integers(1, 12),
    movies=st.integers(1, 25),
    share=st.floats(0.05, 0.9),
    moments=st.integers(1, 40),
)
def test_transitions_are_those_of_the_formula(seed: int, users: int, movies: int, share: float, moments: int) -> None:
    table = timed_table(seed, users, movies, share, moments)
    if table.ages is None:
        return
    found = Transitions(table.matrix, table.ages).rows(slice(0, movies))
    assert found == pytest.approx(slow_transitions(table), abs=1e-5)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), movies=st.integers(2, 30), most=st.integers(1, 30))
def test_neighbours_are_the_strongest_others_with_both_weights(seed: int, movies: int, most: int) -> None:
    table = timed_table(seed, 8, movies, 0.5, 20)
    found = neighbourhoods(table, most)
    assert found is not None
    following = slow_transitions(table)
    alike = np.array(cosines(table.matrix)(slice(0, movies)), dtype=np.float64)
    np.fill_diagonal(alike, 0)
    strength = following / np.maximum(following.max(1, keepdims=True), 1e-9)
    strength += alike / np.maximum(alike.max(1, keepdims=True), 1e-9)
    for movie, neighbours, transitions, likeness in found:
        columns = [neighbour - 1 for neighbour in neighbours]
        assert movie not in neighbours
        assert len(set(neighbours)) == len(neighbours) == min(most, int((strength[movie - 1] > 0).sum()))
        assert transitions == pytest.approx(following[movie - 1, columns], abs=1e-5)
        assert likeness == pytest.approx(alike[movie - 1, columns], abs=1e-5)
        left_out = np.delete(strength[movie - 1], columns)
        assert strength[movie - 1, columns].min() >= left_out.max(initial=0) - 1e-5


def test_the_age_of_a_rating_counts_the_strictly_later_ones_of_its_user() -> None:
    users, movies = np.array([1, 1, 1, 1, 2]), np.array([4, 2, 3, 1, 1])
    times = np.array([10.0, 20, 20, np.nan, 5])
    table = rating_table(users, movies, np.full(5, 4.0), [(movie, ()) for movie in range(1, 5)], times)
    of_user_one = dict(zip(table.matrix.indices[:4].tolist(), ages_of(table)[:4].tolist(), strict=True))
    assert of_user_one == {0: -1, 1: 0, 2: 0, 3: 2}
    assert ages_of(table)[4] == 0


def test_ratings_without_a_moment_follow_nothing_and_are_alike_all_the_same() -> None:
    users, movies = np.repeat([1, 2], 4), np.tile([1, 2, 3, 4], 2)
    times = np.tile([1.0, 2, np.nan, np.nan], 2)
    found = neighbourhoods(rating_table(users, movies, np.full(8, 4.0), [(m, ()) for m in range(1, 5)], times))
    assert found is not None
    weights = {movie: dict(zip(near, transitions, strict=True)) for movie, near, transitions, _ in found}
    assert weights[1][2] > 0
    assert sum(sum(row.values()) for row in weights.values()) == pytest.approx(weights[1][2])
    assert set(weights[3]) == {1, 2, 4}


def test_without_any_time_there_are_no_neighbours() -> None:
    users, movies, values = np.array([1, 1]), np.array([1, 2]), np.array([4.0, 5])
    for times in (None, np.full(2, np.nan)):
        assert neighbourhoods(rating_table(users, movies, values, [(1, ()), (2, ())], times)) is None
