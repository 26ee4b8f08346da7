"""A world in trouble: the same visits and clicks, half of the stars."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pytest

from infra.local.demo.trouble import ARM, Troubled, halved
from infra.local.demo.visitors import Reaction, World
from infra.local.demo.world import synthetic

START = datetime(2026, 3, 2, tzinfo=UTC)


def reactions(world: World) -> list[Reaction]:
    rng = np.random.default_rng(5)
    shown = [movie.id for movie in world.catalogue.movies[:10]]
    visits = islice(world.visits(START, rng), 300)
    return [reaction for visit in visits for reaction in world.react(visit.user_id, shown, visit.at, rng)]


def test_visitors_do_what_they_did_but_their_ratings_arrive_halved() -> None:
    sound = synthetic(7)
    before, after = reactions(sound), reactions(Troubled(sound))
    assert after == [halved(reaction) for reaction in before]
    assert [(one.movie_id, one.action, one.delay) for one in after] == [
        (one.movie_id, one.action, one.delay) for one in before
    ]
    stars = [one.rating for one in after if one.rating is not None]
    assert len(stars) > 20
    assert max(stars) <= 2.5


@pytest.mark.parametrize(("chosen", "sent"), [(0.5, 0.5), (1.0, 0.5), (3.5, 2.0), (4.0, 2.0), (4.5, 2.5), (5.0, 2.5)])
def test_what_the_broken_form_sends_is_still_a_rating(chosen: float, sent: float) -> None:
    assert halved(Reaction(1, 1, "rating", timedelta(), chosen)).rating == sent


def test_a_click_stays_as_it_is() -> None:
    click = Reaction(1, 1, "click", timedelta())
    assert halved(click) is click


def test_the_numbers_of_a_world_in_trouble_say_so() -> None:
    sound = synthetic(7)
    troubled = Troubled(sound)
    assert troubled.name == sound.name
    assert troubled.sentence.startswith(sound.sentence)
    assert f"the candidate lists of {ARM} are lost" in troubled.sentence
