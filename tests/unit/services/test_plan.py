"""The rehearsal learns as the rule does, costs what it should, and the ramp follows from it."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from bandit_selector.evidence.planning import Traffic
from bandit_selector.pages.plan import page
from bandit_selector.services.plan import Plan, plan, rehearsals
from bandit_selector.services.rehearsal import rehearse
from bandit_selector.settings import Settings

KEYS = ("morning|weekday|regular", "evening|weekday|regular", "evening|weekend|cold_start")
TRAFFIC = Traffic(30_000, 700, 0.12, 3.0, KEYS, (0.5, 0.4, 0.1))


@pytest.fixture(scope="module")
def made() -> tuple[Plan, int]:
    steps: list[None] = []
    return plan(TRAFFIC, Settings(), 30, 4, 1, lambda: steps.append(None)), len(steps)


def test_progress_is_told_for_every_rehearsal(made: tuple[Plan, int]) -> None:
    assert made[1] == rehearsals(TRAFFIC, Settings(), 4)


def test_learning_loses_less_and_less_and_far_less_than_chance() -> None:
    run = rehearse(TRAFFIC, Settings(dominance="alert"), 30, 0.5, np.random.default_rng(2))
    assert run.lost[-1] < 0.25 * run.even
    days = [0.0, *run.days]
    first, last = run.lost[10] / days[11], (run.lost[-1] - run.lost[-10]) / (days[-1] - days[-10])
    assert last < 0.5 * first


def test_a_rehearsal_follows_from_its_seed_alone() -> None:
    one, other = (rehearse(TRAFFIC, Settings(), 5, 0.5, np.random.default_rng(7)) for _ in range(2))
    assert (one.lost == other.lost).all()
    assert (one.knows == other.knows).all()


def test_a_higher_floor_costs_more(made: tuple[Plan, int]) -> None:
    lost = {one.name: one.lost for one in made[0].variants}
    assert lost["floor of 1 % a cell"] > lost["as configured"]


def test_the_ramp_only_goes_up_and_ends_with_a_holdout(made: tuple[Plan, int]) -> None:
    ramp = made[0].ramp
    assert [step.share for step in ramp] == [0.05, 0.25, 0.50, 0.90]
    assert all(later.day > sooner.day for sooner, later in pairwise(ramp))
    assert ramp[-1].day - ramp[-2].day >= 7


def test_the_page_holds_every_context_and_loads_nothing(made: tuple[Plan, int]) -> None:
    text = page(made[0])
    assert all(key.replace("|", " · ").replace("_", " ") in text for key in KEYS)
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text
    assert "Simulated" in text


def test_a_context_that_never_knows_is_said_so(made: tuple[Plan, int]) -> None:
    assert all(one.median <= one.slow for one in made[0].contexts)
    assert any(one.slow == inf for one in made[0].contexts) == ("not yet" in page(made[0]))
