"""The synthetic world: the same for a seed, plausible, and determined by the formula."""

import re
import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from bandit_selector.lists.context import CONTEXTS, Context, user_type

from infra.local.demo.visitors import Reaction, World
from infra.local.demo.world import MOVIES, USERS, Synthetic, synthetic

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> Synthetic:
    return synthetic(7)


def reactions(world: Synthetic, visits: int, seed: int = 0) -> list[Reaction]:
    rng = np.random.default_rng(seed)
    found: list[Reaction] = []
    for visit in islice(world.visits(START, rng), visits):
        shown = rng.choice(MOVIES, 10, replace=False) + 1
        found += world.react(visit.user_id, shown.tolist(), visit.at, rng)
    return found


def test_the_same_seed_gives_the_same_world_and_the_same_visitors(world: Synthetic) -> None:
    again = synthetic(7)
    assert again.catalogue.movies == world.catalogue.movies
    assert np.array_equal(again.catalogue.ratings.values, world.catalogue.ratings.values)
    assert np.array_equal(again.features, world.features)
    assert reactions(again, 50) == reactions(world, 50)
    assert synthetic(8).catalogue.movies != world.catalogue.movies


def test_the_catalogue_is_of_the_promised_size_and_shape(world: Synthetic) -> None:
    ratings, movies = world.catalogue.ratings, world.catalogue.movies
    assert (len(world.catalogue.users), len(movies)) == (USERS, MOVIES)
    assert 55_000 < len(ratings) < 80_000
    assert set((ratings.values * 2).tolist()) <= set(range(1, 11))
    assert len(set(zip(ratings.users.tolist(), ratings.movies.tolist(), strict=True))) == len(ratings)
    assert all(1 <= len(movie.genres) <= 4 for movie in movies)
    assert len({movie.title for movie in movies}) > 0.99 * MOVIES


def test_the_kinds_of_user_are_those_that_the_service_will_count(world: Synthetic) -> None:
    counted = np.bincount(world.catalogue.ratings.users, minlength=USERS + 1)[1:]
    kinds = [user_type(int(count)) for count in counted]
    assert np.array_equal(counted, world.ratings_per_user)
    assert {kind: kinds.count(kind) / USERS for kind in set(kinds)} == {
        "cold_start": 0.25,
        "regular": 0.5,
        "power_user": 0.25,
    }


def test_a_click_depends_on_the_context_only_through_its_coefficients(world: Synthetic) -> None:
    shown = list(range(1, 11))
    for context in CONTEXTS:
        chances = world.click_probabilities(3, shown, context)
        assert np.all((chances > 0) & (chances < 1))
        logits = world.features[2, :10] @ world.pulls[CONTEXTS.index(context)] - 2.4
        assert chances == pytest.approx(np.arange(1, 11) ** -0.2 / (1 + np.exp(-logits)), rel=1e-5)


def test_clicks_come_as_often_as_the_formula_says(world: Synthetic) -> None:
    """Mean of 4,000 simulated lists against the mean chance: within four standard errors."""
    rng = np.random.default_rng(1)
    shown, at = [5, 900, 33, 41, 7, 350, 600, 2, 99, 512], datetime(2026, 3, 7, 20, tzinfo=UTC)
    chances = world.click_probabilities(12, shown, world.context(12, at))
    seen = [sum(r.action == "click" for r in world.react(12, shown, at, rng)) for _ in range(4000)]
    error = np.sqrt(np.sum(chances * (1 - chances)) / 4000)
    assert np.mean(seen) == pytest.approx(chances.sum(), abs=4 * error)


def test_every_reaction_is_one_that_the_service_accepts(world: Synthetic) -> None:
    found = reactions(world, 2000)
    assert {reaction.action for reaction in found} == {"click", "rating", "thumbs_up", "thumbs_down"}
    for reaction in found:
        assert 1 <= reaction.position <= 10
        assert timedelta(0) < reaction.delay < timedelta(minutes=10)
        assert (reaction.rating is not None) == (reaction.action == "rating")
        assert reaction.rating is None or reaction.rating * 2 in range(1, 11)


def test_reactions_to_a_list_come_in_the_order_of_delay(world: Synthetic) -> None:
    rng = np.random.default_rng(2)
    for user in range(1, 200):
        delays = [r.delay for r in world.react(user, list(range(1, 31)), START, rng)]
        assert delays == sorted(delays)


def test_visits_go_through_every_context_in_a_simulated_week(world: Synthetic) -> None:
    visits = list(islice(world.visits(START, np.random.default_rng(3), per_day=1000), 7000))
    assert {world.context(visit.user_id, visit.at) for visit in visits} == set(CONTEXTS)
    assert visits[-1].at - START == pytest.approx(timedelta(days=7), abs=timedelta(hours=12))
    assert all(earlier.at <= later.at for earlier, later in pairwise(visits))


@pytest.mark.parametrize(("user", "movie"), [(0, 1), (USERS + 1, 1), (1, 0), (1, MOVIES + 1)])
def test_who_or_what_does_not_exist_is_named(world: Synthetic, user: int, movie: int) -> None:
    with pytest.raises(KeyError, match="does not exist"):
        world.react(user, [movie], START, np.random.default_rng(0))


def test_it_is_a_world_and_says_that_it_is_synthetic(world: Synthetic) -> None:
    as_any: World = world
    assert as_any.name == "synthetic"
    assert "synthetic" in as_any.sentence
    assert world.context(1, START) == Context("night", "weekday", user_type(int(world.ratings_per_user[0])))


def test_its_sentence_has_the_lift_that_was_measured(world: Synthetic) -> None:
    results = Path(__file__).parents[3] / "benchmarks" / "results" / "world.md"
    row = re.search(r"served: best arm per context .*\| ([\d.]+)–([\d.]+) \|", results.read_text())
    assert row
    least, most = (f"{float(ratio) - 1:.0%}" for ratio in row.groups())
    assert f"by {least.removesuffix('%')} to {most.replace('%', ' %')}" in world.sentence


def test_generating_and_reacting_are_quick(world: Synthetic) -> None:
    """Bounds are ten times the measured times, so that only a change of magnitude fails."""
    began = time.perf_counter()
    reactions(world, 1000)
    assert (time.perf_counter() - began) / 1000 < 0.002
