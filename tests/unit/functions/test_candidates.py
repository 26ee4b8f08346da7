"""The six algorithms' lists from ratings: rules of every list, and each method against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.candidates.arms import ARMS
from functions.candidates.lists import EVERYBODY, LENGTH, CandidateList, candidate_lists, silent
from functions.candidates.ratings import RatingTable, counts, liked, long_tail, rating_table
from functions.candidates.similarity import cosine, positive_pmi, random_walk
from functions.candidates.vectors import embeddings, pure_svd

GENRES = (("Drama",), ("Comedy", "Drama"), ("Horror",), ())


def random_table(seed: int, users: int = 40, movies: int = 90, share: float = 0.3) -> RatingTable:
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((users, movies)) < share * rng.random(movies))
    values = rng.integers(1, 11, len(rows)) / 2
    catalogue = [(movie, GENRES[movie % 4]) for movie in range(100, 100 + movies)]
    return rating_table(rows + 1, columns + 100, values, catalogue)


def lists_of(table: RatingTable) -> list[CandidateList]:
    return list(candidate_lists(table, silent))


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), users=st.integers(1, 30), movies=st.integers(1, 70), share=st.floats(0, 1))
def test_every_list_is_of_unrated_movies_best_first_and_everybody_has_one(
    seed: int, users: int, movies: int, share: float
) -> None:
    table = random_table(seed, users, movies, share)
    rated = {user: set(table.movies[table.matrix[row : row + 1].indices]) for row, user in enumerate(table.users)}
    found = lists_of(table)
    assert {made.algorithm for made in found if made.user_id == EVERYBODY} == set(ARMS)
    for made in found:
        assert 0 < len(made.movie_ids) == len(made.scores) == len(set(made.movie_ids)) <= LENGTH
        assert made.scores == sorted(made.scores, reverse=True)
        assert made.scores[-1] > 0
        assert not rated.get(made.user_id, set()) & set(made.movie_ids)
        assert set(made.movie_ids) <= set(table.movies.tolist())


def test_a_user_with_fewer_than_three_ratings_is_served_everybodys_list() -> None:
    table = rating_table(
        np.array([1, 1, 1, 2, 2, 3, 3, 3]),
        np.array([1, 2, 3, 1, 2, 2, 3, 4]),
        np.array([5.0, 4, 1, 5, 4, 3, 5, 4]),
        [(movie, ("Drama",)) for movie in range(1, 8)],
    )
    assert {made.user_id for made in lists_of(table)} == {EVERYBODY, 1, 3}


def test_a_catalogue_without_ratings_still_lists_its_movies_for_everybody() -> None:
    nothing = np.array([], dtype=np.int64)
    table = rating_table(nothing, nothing, nothing.astype(np.float64), [(1, ("Drama",)), (2, ())])
    assert [(made.user_id, sorted(made.movie_ids)) for made in lists_of(table)] == [(EVERYBODY, [1, 2])] * len(ARMS)


def test_the_same_ratings_give_the_same_lists() -> None:
    assert lists_of(random_table(3)) == lists_of(random_table(3))


def test_ratings_of_movies_that_the_catalogue_lacks_are_left_out() -> None:
    table = rating_table(np.array([1, 1]), np.array([7, 8]), np.array([4.0, 5.0]), [(8, ())])
    assert (table.movies.tolist(), table.matrix.toarray().tolist()) == ([8], [[5.0]])


def test_of_a_pair_rated_twice_the_last_rating_counts() -> None:
    table = rating_table(np.array([1, 1]), np.array([8, 8]), np.array([4.0, 2.0]), [(8, ())])
    assert table.matrix.toarray().tolist() == [[2.0]]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_the_head_is_the_smallest_set_of_most_rated_movies_with_half_of_all_ratings(rated: list[int]) -> None:
    counted = np.array(rated)
    head = counted[~long_tail(counted)]
    if sum(rated) == 0:
        assert len(head) == 0
        return
    assert 2 * head.sum() >= counted.sum()
    assert 2 * (head.sum() - head.min()) < counted.sum()
    assert sorted(head, reverse=True) == sorted(rated, reverse=True)[: len(head)]


def test_of_equally_rated_movies_the_lower_id_is_in_the_head() -> None:
    assert long_tail(np.array([3, 3, 3, 3])).tolist() == [False, False, True, True]


def test_a_profile_holds_what_lies_above_the_users_mean() -> None:
    table = rating_table(np.array([1, 1, 2, 2]), np.array([1, 2, 1, 2]), np.array([5.0, 2, 3, 3]), [(1, ()), (2, ())])
    assert liked(table.matrix).toarray().tolist() == [[1.5, 0.0], [1.0, 1.0]]


def test_item_cosine_equals_its_definition() -> None:
    table = random_table(5)
    dense = table.matrix.toarray().astype(np.float64)
    rated = (dense > 0).astype(np.float64)
    norms = np.linalg.norm(dense, axis=0)
    common = rated.T @ rated
    expected = dense.T @ dense / np.maximum(np.outer(norms, norms), 1e-9) * common / (common + 10)
    np.fill_diagonal(expected, 0)
    assert cosine(table.matrix, neighbours=len(table.movies)).toarray() == pytest.approx(expected.T, abs=1e-5)


def test_the_random_walk_equals_its_definition() -> None:
    table = random_table(6)
    dense = table.matrix.toarray().astype(np.float64)
    to_user = dense.T / np.maximum(dense.sum(axis=0), 1e-9)[:, None]
    to_movie = dense / np.maximum(dense.sum(axis=1), 1e-9)[:, None]
    expected = to_user @ to_movie / np.maximum(counts(table.matrix), 1) ** 0.4
    np.fill_diagonal(expected, 0)
    assert random_walk(table.matrix, neighbours=len(table.movies)).toarray() == pytest.approx(expected, abs=1e-5)


def test_only_the_nearest_neighbours_are_kept() -> None:
    whole, kept = (random_walk(random_table(6).matrix, neighbours=n).toarray() for n in (89, 5))
    assert np.count_nonzero(kept, axis=1).max() == 5
    assert kept.max(axis=1) == pytest.approx(whole.max(axis=1))


def test_positive_pmi_equals_its_definition() -> None:
    table = random_table(7)
    rated = (table.matrix.toarray() > 0).astype(np.float64)
    pairs = rated.T @ rated
    np.fill_diagonal(pairs, 0)
    sums = pairs.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(pairs * pairs.sum() / np.outer(sums, sums))
    expected = np.where((pairs >= 3) & (pmi > 0), pmi, 0)
    assert positive_pmi(table.matrix).toarray() == pytest.approx(expected, abs=1e-4)


def test_pure_svd_spans_the_leading_singular_vectors() -> None:
    dense = random_table(8).matrix
    _, _, right = np.linalg.svd(dense.toarray(), full_matrices=False)
    expected = right[:16].T @ right[:16]
    factors = pure_svd(dense)
    assert factors @ factors.T == pytest.approx(expected, abs=1e-3)


def test_embeddings_are_unit_rows_or_nothing() -> None:
    lengths = np.linalg.norm(embeddings(random_table(9)), axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))
