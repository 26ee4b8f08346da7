"""A simulated visitor reports like the browser client: what happened within half a minute is one request."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from functions.feedback.ingest import Reactions
from infra.local.demo.crowd import GATHERED, TOGETHER, Told, gathered, told
from infra.local.demo.visitors import Reaction

EVENT = 2896431235751937


@given(st.lists(st.floats(0, 300), max_size=80))
def test_every_reaction_is_sent_once_and_in_order_with_those_of_the_same_half_minute(seconds: list[float]) -> None:
    everything: list[Told] = [(timedelta(seconds=at), {"number": number}) for number, at in enumerate(sorted(seconds))]
    requests = list(gathered(everything))
    assert [one for request in requests for one in request] == everything
    assert all(_spread(request) < GATHERED and len(request) <= TOGETHER for request in requests)
    for earlier, later in pairwise(requests):
        assert len(earlier) == TOGETHER or later[0][0] - earlier[0][0] >= GATHERED


def test_the_service_takes_what_is_told() -> None:
    reactions = [
        Reaction(1, 7, "click", timedelta(seconds=3)),
        Reaction(1, 7, "thumbs_up", timedelta(seconds=63)),
        Reaction(1, 7, "rating", timedelta(seconds=63), 4.5),
    ]
    body = {"user_id": 1, "reactions": [about for _, about in told(reactions, {7: EVENT})]}
    taken = Reactions.model_validate(body).reactions
    assert [one.action for one in taken] == ["click", "thumbs-up", "rating"]


def _spread(request: Sequence[Told]) -> timedelta:
    return request[-1][0] - request[0][0]
