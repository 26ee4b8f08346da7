"""The benchmark itself: a seed fixes the world, regret is correct, tables report the games played."""

import numpy as np
import pytest

from benchmarks.arena import report
from benchmarks.arena.environments import ENVIRONMENTS, OUTSIDE, Environment, Indices, build
from benchmarks.arena.policies import POLICIES
from benchmarks.arena.simulation import Game, Outcomes, play


class Oracle:
    """Knows a stationary world's rates; stores the outcomes it gets."""

    def __init__(self, world: Environment) -> None:
        self.world = world
        self.told: list[Outcomes] = []

    def choose(self, visits: Indices, available: Indices) -> Indices:
        return available[self.world.rates[0, visits][:, available].argmax(axis=1)]

    def learn(self, outcomes: Outcomes) -> None:
        self.told.append(outcomes)


@pytest.mark.parametrize("name", [*ENVIRONMENTS, *OUTSIDE, "W", "F"])
def test_a_world_is_made_by_its_seed_and_click_rates_are_plausible(name: str) -> None:
    world, again, other = build(name, 1000, 1), build(name, 1000, 1), build(name, 1000, 2)
    assert np.array_equal(world.clicks, again.clicks)
    assert np.array_equal(world.rates, again.rates)
    assert not np.array_equal(world.clicks, other.clicks)
    assert world.rates.min() >= 0.03
    assert world.rates.max() <= 0.30


@pytest.mark.parametrize("name", ["E1", "E2", "E6"])
def test_choosing_the_best_arm_costs_nothing_and_uniform_choice_the_mean_gap(name: str) -> None:
    world = build(name, 20_000, 3)
    assert play(world, Oracle(world)).regret[-1] == 0
    gap = (world.rates[0].max(axis=1) - world.rates[0].mean(axis=1))[world.visits].sum()
    assert play(world, POLICIES["uniform"](world, 3)).regret[-1] == pytest.approx(gap, rel=0.05)


def test_late_outcomes_come_late_and_one_in_ten_is_lost() -> None:
    world = build("E3", 20_000, 4)
    oracle = Oracle(world)
    play(world, oracle)
    told = np.concatenate([outcomes.decisions for outcomes in oracle.told])
    assert len(set(told.tolist())) == len(told)
    assert len(oracle.told) == 20_000 // world.apply_every
    assert 0.8 < len(told) / 20_000 < 0.9
    assert all(
        np.all(world.delays[batch.decisions] + batch.decisions < (i + 1) * world.apply_every)
        for i, batch in enumerate(oracle.told)
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_an_arm_that_is_not_there_yet_is_not_chosen(policy: str) -> None:
    world = build("E5", 200, 5)
    missing = int(np.flatnonzero(~world.available[0])[0])
    player = POLICIES[policy](world, 5)
    early = player.choose(world.visits[:100], np.flatnonzero(world.available[0]))
    late = player.choose(world.visits[100:], np.arange(6))
    assert missing not in early
    assert missing in late


def ended(regret: float) -> Game:
    return Game([regret], 0.5, 0.6, float("nan"), 0.001, 0)


def test_shares_of_traffic_are_counted() -> None:
    game = play(build("W", 6_000, 1), POLICIES["uniform"](build("W", 6_000, 1), 1))
    assert 1 / 6 <= game.share <= game.window_share < 0.2
    assert game.share < game.day_share < 0.4


def test_the_ratio_is_geometric_and_on_the_same_seeds() -> None:
    games = {("independent", w, s): ended(100.0 + s) for w in ENVIRONMENTS for s in range(3)}
    games |= {("rule", w, s): ended(50.0 + s / 2) for w in ENVIRONMENTS for s in range(2)}
    assert report.relative(games, "rule") == pytest.approx((0.5, 0.5, 0.5))
    assert "| rule | 2 |" in report.regret_table(games, list(ENVIRONMENTS))


def test_a_policy_that_failed_somewhere_has_no_ratio() -> None:
    games = {("independent", w, 0): ended(100.0) for w in ENVIRONMENTS} | {("rule", "E1", 0): ended(1.0)}
    assert np.isnan(report.relative(games, "rule")[0])
    assert "not played" in report.regret_table(games, list(ENVIRONMENTS))
