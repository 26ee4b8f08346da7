"""`./dev bench lift` on made-up ratings: the arm that goes on from a session wins where sessions have an order only."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from bandit_selector.lists.session import ARM

from benchmarks import _lift_ease, _lift_online, _lift_power, lift, movielens_2016, neighbours
from benchmarks import _lift_worlds as worlds
from benchmarks._lists import rated
from functions.candidates.arms import ARMS
from infra.local.demo.held_out import held_out
from infra.local.movielens import read_movielens
from infra.local.site import Catalogue, Movie, Ratings

USERS, MOVIES, EACH = 60, 120, 40
A_DAY = 86_400


def ratings(*, ordered: bool, pause_at: int | None = None) -> Catalogue:
    """Users who rate EACH movies a minute apart, one after another along the catalogue or in any order.

    With `pause_at`, a day passes before that rating of each user.
    """
    random = np.random.default_rng(3)
    starts = random.integers(0, MOVIES, USERS)
    chains = (starts[:, None] + np.arange(EACH)) % MOVIES + 1
    rated = chains if ordered else np.array([random.permutation(MOVIES)[:EACH] + 1 for _ in range(USERS)])
    minutes = np.arange(EACH) * 60 + (np.arange(EACH) >= pause_at) * A_DAY if pause_at else np.arange(EACH) * 60
    users = np.repeat(np.arange(1, USERS + 1), EACH)
    values = random.integers(6, 11, USERS * EACH) / 2
    titles = tuple(Movie(n, f"Movie {n}", ("Drama",)) for n in range(1, MOVIES + 1))
    times = np.tile(minutes, USERS).astype(np.int64) + 1_700_000_000
    return Catalogue(np.arange(1, USERS + 1), titles, Ratings(users, rated.ravel().astype(np.int64), values, times))


def hits(catalogue: Catalogue) -> tuple[float, float]:
    """Of control's lists, and of lists whose places are mostly the session arm's."""
    shop = worlds.opened(worlds.in_session(held_out(catalogue)))
    mixed = worlds.mixture(shop, worlds.guarded(ARM, "svd"), session=True)
    return float(worlds.control(shop).mean()), float(mixed.mean())


def test_the_session_arm_wins_where_ratings_follow_one_another_and_only_there() -> None:
    control, session = hits(ratings(ordered=True))
    assert session > 1.3 * control
    control, session = hits(ratings(ordered=False))
    assert session < 1.15 * control


def test_what_comes_later_is_not_known_to_the_site() -> None:
    catalogue = ratings(ordered=True, pause_at=30)
    for split in (worlds.in_session(held_out(ratings(ordered=True))), worlds.returning(catalogue)):
        known = split.catalogue.ratings
        pairs = set(zip(known.users.tolist(), known.movies.tolist(), strict=True))
        assert len(split.users) == USERS
        assert not {(user, movie) for user, later in split.later.items() for movie in later} & pairs
    assert {len(later) for later in worlds.returning(catalogue).later.values()} == {EACH - 30}


def test_guarded_probabilities_keep_the_floor_and_the_cap() -> None:
    chances = worlds.guarded("svd", "graph")
    assert sum(chances.values()) == pytest.approx(1)
    assert (max(chances.values()), min(chances.values())) == (0.7, worlds.FLOOR)
    assert set(chances) == set(ARMS)


def test_a_choice_is_made_on_the_users_of_other_folds() -> None:
    random = np.random.default_rng(1)
    noise = {(f"{n}", "x"): random.random(500) for n in range(20)}  # none is better
    chosen = lift.crossed(noise, np.zeros(500))
    assert chosen.mean() == pytest.approx(0.5, abs=0.04)
    best = {**noise, ("best", "x"): random.random(500) + 1}
    assert lift.crossed(best, np.zeros(500)).mean() == pytest.approx(1.5, abs=0.04)


def studied(name: str, **rates: float) -> worlds.Studied:
    alone = {arm: np.full(50, rates.get(arm, 0.1)) for arm in (*ARMS, "session")}
    return worlds.Studied(name, np.full(50, 0.1), {}, alone, np.full(50, 30.0))


def test_the_products_rule_finds_the_better_arm_online() -> None:
    visited = _lift_online.ways(studied("inside", session=0.2), studied("outside"))["the session arm"]
    ((clicked, control),) = _lift_online.online(visited, 0)
    lifts = clicked / control - 1
    assert lifts[4] == pytest.approx(0.7, abs=0.1)  # twice the clicks on at most 68 to 70 % of the places
    assert lifts[4] > lifts[0]


def test_a_session_that_is_a_factor_is_learned_apart() -> None:
    ways = _lift_online.ways(studied("inside", session=0.2), studied("outside", graph=0.0))
    lifts = {way: np.array([c / o for c, o in _lift_online.online(visited, 0)]) - 1 for way, visited in ways.items()}
    one, apart = lifts["both kinds, one context"][:, 4], lifts["both kinds, `in_session` a factor"][:, 4]
    assert apart[0] > one[0] + 0.2
    assert apart[1] > one[1] + 0.1


def test_what_is_served_while_it_learns_is_read_out_for_the_users_that_came() -> None:
    visited = _lift_online.ways(studied("inside", session=0.3), studied("outside"))["the session arm"][0]
    who, visits = _lift_online.paired_visits(visited, 0, 4000)
    assert (len(who), visits[:, 1].sum(), visits[:, 3].sum()) == (4_000, 40_000, 40_000)  # places of either list
    early, late = (part[:, 0].sum() / part[:, 2].sum() - 1 for part in (visits[:200], visits))
    assert late > early + 0.3


@pytest.mark.parametrize("study", [lift, neighbours])
def test_without_ratings_it_is_skipped_in_words(study: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert study.main([]) == 0
    assert "Skipped: there are no ratings" in capsys.readouterr().out


def test_the_edition_of_2016_is_written_as_a_folder_that_is_read(tmp_path: Path) -> None:
    row = {"userId": 1, "movieId": 7, "rating": 2.5, "timestamp": 1_260_759_144, "genres": "Drama|War", "year": 1995.0}
    bare = {**row, "movieId": 8, "title": float("nan"), "year": float("nan"), "genres": "(no genres listed)"}
    assert movielens_2016.write([{**row, "title": "Sabrina, again"}, bare], tmp_path) == 2
    catalogue = read_movielens(tmp_path)
    assert [(movie.id, movie.title, movie.genres) for movie in catalogue.movies] == [
        (7, "Sabrina, again (1995)", ("Drama", "War")),
        (8, "Movie 8", ()),
    ]
    assert catalogue.ratings.times.tolist() == [1_260_759_144] * 2


def test_ease_is_solved_among_users_as_among_movies() -> None:
    profiles = np.random.default_rng(4).integers(0, 2, (12, 7)).astype(np.float64)
    inverse = np.linalg.inv(profiles.T @ profiles + 3 * np.eye(7))
    among_movies = profiles @ (np.eye(7) - inverse / np.diag(inverse))
    unknown = profiles == 0
    assert _lift_ease.ease(profiles, 3)[unknown] == pytest.approx(among_movies[unknown])


def test_lists_of_ease_take_an_arms_place_without_what_a_user_has_rated() -> None:
    shop = worlds.opened(worlds.in_session(held_out(ratings(ordered=True))))
    variants = _lift_ease.variants(shop)
    assert len(variants) == len(_lift_ease.PROFILES) * len(_lift_ease.PENALTIES)
    other = _lift_ease.instead(shop, "item_cf", variants[_lift_ease.MIXED[0]])
    seen = rated(shop.split.catalogue)
    for user in shop.split.users:
        assert other.nightly[user]["item_cf"] == variants[_lift_ease.MIXED[0]][user]
        assert other.nightly[user]["svd"] == shop.nightly[user]["svd"]
        assert not set(other.nightly[user]["item_cf"].movie_ids) & seen[user]


def test_with_fewer_neighbours_a_session_knows_fewer_movies() -> None:
    split = worlds.in_session(held_out(ratings(ordered=True)))
    few, many = worlds.sessions(split, 2), worlds.sessions(split)
    assert all(len(few[user].movie_ids) < len(many[user].movie_ids) for user in split.users)


def test_both_lists_of_a_visit_show_a_lift_sooner_than_a_test_between_visitors() -> None:
    shop = worlds.opened(worlds.in_session(held_out(ratings(ordered=True))))
    shown = _lift_power.power(shop, "svd", np.full(USERS, 30.0))
    assert shown["paired"][-1] > 0.9
    assert all(paired >= split for paired, split in zip(shown["paired"], shown["A/B"], strict=True))
