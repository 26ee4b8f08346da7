"""Slates: independent draws with exact propensities, no repeated movie, a fifth from the long tail."""

import math
from collections import Counter
from collections.abc import Collection
from random import Random

import pytest
from bandit_selector.lists.names import CONTROL, arm_of
from bandit_selector.lists.slate import (
    ArmList,
    Page,
    Place,
    Stock,
    bandit_slate,
    blend,
    control_slate,
    is_treated,
)
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

ARMS = ("svd", "graph", "item_cf")

movies = st.lists(st.integers(1, 40), unique=True, max_size=20)
lists = st.dictionaries(st.sampled_from(ARMS), movies, min_size=1)
pages = st.builds(Page, st.integers(0, 15), st.integers(1, 15), st.sampled_from((0.0, 0.2, 0.5, 1.0)))


def arm_lists(ids: dict[str, list[int]]) -> dict[str, ArmList]:
    """Even ids are long tail."""
    return {
        arm: ArmList(listed, [1 - place / 50 for place in range(len(listed))], [movie % 2 == 0 for movie in listed])
        for arm, listed in ids.items()
    }


def candidates(ids: dict[str, list[int]], rated: Collection[int] = ()) -> Stock:
    return Stock(arm_lists(ids), {}, rated)


def chances(ids: dict[str, list[int]]) -> dict[str, float]:
    return {arm: 1 / len(ids) for arm in ids}


@given(ids=lists, page=pages, seed=st.integers())
def test_no_movie_stands_twice_and_the_list_is_as_long_as_it_can_be(
    ids: dict[str, list[int]], page: Page, seed: int
) -> None:
    everything = Page(0, page.offset + page.limit, page.long_tail_share)
    shown = [place.movie_id for place in bandit_slate(candidates(ids), chances(ids), everything, Random(seed))]
    assert (
        len(shown)
        == len(set(shown))
        == min(everything.limit, len({movie for listed in ids.values() for movie in listed}))
    )


@given(ids=lists, page=pages, seed=st.integers())
@example(ids={"svd": [1, 2, 3, 4, 5, 6]}, page=Page(1, 2, 0.2), seed=0)
def test_every_page_has_its_share_of_long_tail_while_there_is_any(
    ids: dict[str, list[int]], page: Page, seed: int
) -> None:
    tail = {movie for listed in ids.values() for movie in listed if movie % 2 == 0}
    for places in (
        bandit_slate(candidates(ids), chances(ids), page, Random(seed)),
        control_slate(candidates(ids), {"svd": 1}, page, Random(1), CONTROL),
    ):
        found = sum(place.movie_id % 2 == 0 for place in places)
        exhausted = len(tail) < page.offset + page.limit
        assert exhausted or found >= math.ceil(page.long_tail_share * page.limit - 1e-9)


@given(ids=lists, limit=st.integers(1, 8), seed=st.integers())
def test_pages_of_one_generator_make_one_list(ids: dict[str, list[int]], limit: int, seed: int) -> None:
    def page(offset: int) -> list[tuple[int, str | None]]:
        places = bandit_slate(candidates(ids), chances(ids), Page(offset, limit, 0.2), Random(seed))
        assert [place.position for place in places] == list(range(offset + 1, offset + 1 + len(places)))
        return [(place.movie_id, place.algorithm) for place in places]

    assert page(0) + page(limit) == page(0) + page(limit)
    assert not set(page(0)) & set(page(limit))


def test_arms_are_drawn_as_often_as_their_propensities_say() -> None:
    ids = {arm: list(range(1, 200)) for arm in ARMS}
    randomness = Random(20)
    drawn: Counter[str | None] = Counter()
    for _ in range(600):
        places = bandit_slate(
            candidates(ids), {"svd": 0.7, "graph": 0.27, "item_cf": 0.03}, Page(0, 10, 0.2), randomness
        )
        drawn.update(arm_of(place.algorithm) for place in places)
        assert {arm_of(place.algorithm): round(place.propensity or 0, 6) for place in places}.items() <= {
            "svd": 0.7, "graph": 0.27, "item_cf": 0.03
        }.items()  # fmt: skip
    expected = [6000 * chance for chance in (0.7, 0.27, 0.03)]
    assert stats.chisquare([drawn[arm] for arm in ARMS], expected).pvalue > 0.01


def test_when_an_arm_drops_out_the_others_are_drawn_by_their_new_propensities() -> None:
    ids = {"svd": [1], "graph": list(range(2, 90)), "item_cf": list(range(90, 180))}
    weights = {"svd": 0.6, "graph": 0.3, "item_cf": 0.1}
    randomness = Random(5)
    later: list[Place] = []
    for _ in range(600):
        places = bandit_slate(candidates(ids), weights, Page(0, 12, 0.0), randomness)
        gone = next((place.position for place in places if place.algorithm == "bandit_svd"), 99)
        later += [place for place in places if place.position > gone]
    assert {arm_of(place.algorithm) for place in later} == {"graph", "item_cf"}
    assert {round(place.propensity or 0, 6) for place in later if place.algorithm == "bandit_graph"} == {0.75}
    drawn = sum(place.algorithm == "bandit_graph" for place in later)
    assert stats.binomtest(drawn, len(later), 0.75).pvalue > 0.01


def test_the_blend_is_the_weighted_sum_of_relative_scores() -> None:
    ranked = blend(
        {
            "svd": ArmList([4, 1, 2, 3], [99.0, 9.0, 5.0, 1.0], [False] * 4),
            "graph": ArmList([3, 1], [0.2, 0.1], [False] * 2),
        },
        {"svd": 0.6, "graph": 0.4},
        rated={4},
    )
    assert ranked.movie_ids == [1, 3, 2]
    assert ranked.scores == pytest.approx([0.6, 0.4, 0.3])


@given(own=lists, everybodys=lists, rated=st.sets(st.integers(1, 40)), seed=st.integers())
def test_a_list_ends_only_when_everybodys_lists_are_used_up_too(
    own: dict[str, list[int]], everybodys: dict[str, list[int]], rated: set[int], seed: int
) -> None:
    stock = Stock(arm_lists(own), arm_lists(everybodys), rated)
    page = Page(0, 15, 0.2)
    left = {movie for lists in (own, everybodys) for listed in lists.values() for movie in listed} - rated
    even = chances({arm: [] for arm in ARMS})
    for places in (
        bandit_slate(stock, even, page, Random(seed)),
        control_slate(stock, {"svd": 1}, page, Random(seed), CONTROL),
    ):
        shown = [place.movie_id for place in places]
        assert set(shown) <= left
        assert len(shown) == len(set(shown)) == min(page.limit, len(left))


@given(user=st.integers(1, 10**6), share=st.floats(0, 1))
def test_a_user_stays_in_the_treatment_group_as_it_grows(user: int, share: float) -> None:
    assert not is_treated(user, "salt", share) or is_treated(user, "salt", min(share + 0.1, 1))
    assert is_treated(user, "salt", 1)
    assert not is_treated(user, "salt", 0)


SHELVES = {"svd": list(range(1, 8)), "graph": list(range(5, 40)), "item_cf": [2, 4, *range(30, 90)]}
PUBLISHED = {"svd": 0.719, "graph": 0.28, "item_cf": 0.001}


def chances_left(shown: set[int], only_long_tail: bool) -> dict[str, float]:
    """The oracle: the published chances of the arms that have a movie for a place, scaled to sum 1."""
    left = {arm: [m for m in movies if m not in shown] for arm, movies in SHELVES.items()}
    tail = {arm: [m for m in movies if m % 2 == 0] for arm, movies in left.items()}
    offers = tail if only_long_tail and any(tail.values()) else left
    total = sum(PUBLISHED[arm] for arm, movies in offers.items() if movies)
    return {arm: PUBLISHED[arm] / total for arm, movies in offers.items() if movies}


@pytest.mark.parametrize("seed", range(2))
def test_what_is_logged_is_what_was_drawn_from_at_every_place(seed: int) -> None:
    """With reserved places and drop-outs; drawn − propensity is noise. `./dev bench guards` plays more."""
    shelves, page = candidates(SHELVES), Page(0, 25, 0.2)
    excess, variance = dict.fromkeys(SHELVES, 0.0), dict.fromkeys(SHELVES, 0.0)
    for number in range(2_000):
        shown: set[int] = set()
        reserved = page.reserved(Random(f"{seed} {number}"))
        for place in bandit_slate(shelves, PUBLISHED, page, Random(f"{seed} {number}")):
            expected = chances_left(shown, reserved[place.position - 1])
            drawn = arm_of(place.algorithm) or ""
            assert math.isclose(place.propensity or 0, expected[drawn], rel_tol=1e-7)  # kept in 32 bits
            assert place.whole == (set(expected) == set(SHELVES))
            excess[drawn] += 1
            for arm, chance in expected.items():
                excess[arm] -= chance
                variance[arm] += chance * (1 - chance)
            shown.add(place.movie_id)
    assert all(abs(excess[arm]) < 4 * math.sqrt(variance[arm]) for arm in SHELVES)
