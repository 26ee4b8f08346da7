"""Estimates of other policies: right on average, covered by their intervals, and refused where the log cannot tell."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from bandit_selector.evidence.logged import BLOCKS, Log, Names, Reals, Whole
from bandit_selector.evidence.off_policy import Estimator, everywhere, missing
from bandit_selector.services.evaluate import evaluate, fixed, learning, model, usual
from bandit_selector.settings import Settings
from hypothesis import given
from hypothesis import strategies as st

ARMS = ("a", "b", "c")
CONTEXTS = ("morning|weekday|regular", "evening|weekend|regular")


@dataclass(frozen=True, slots=True)
class World:
    """Visitors with tastes of their own, and a logging policy that changes with what it saw."""

    visitors: int = 200
    places: int = 20
    parts: int = 6

    def rates(self, rng: np.random.Generator) -> Reals:
        """(visitors, contexts, arms): the arms' rates by context, and the visitor's own level."""
        base = np.log([[0.10, 0.20, 0.15], [0.25, 0.10, 0.15]])
        return np.exp(base[None] + rng.normal(0, 0.4, (self.visitors, 1, 1)) - 0.08)

    def log(self, rng: np.random.Generator) -> Log:
        """Each part of the log is drawn from probabilities that follow the clicks before."""
        size = self.visitors * self.places // self.parts
        rates, clicks, shown = self.rates(rng), np.ones((2, 3)), np.full((2, 3), 2.0)
        found: list[tuple[Any, ...]] = []
        for part in range(self.parts):
            greedy = (clicks / shown) ** 4
            chances = 0.85 * greedy / greedy.sum(axis=1, keepdims=True) + 0.05
            visitor, context = rng.integers(0, self.visitors, size), rng.integers(0, 2, size)
            arm = (chances.cumsum(axis=1)[context] < rng.random((size, 1))).sum(axis=1).clip(0, 2)
            reward = (rng.random(size) < rates[visitor, context, arm]).astype(np.int8)
            np.add.at(clicks, (context, arm), reward)
            np.add.at(shown, (context, arm), 1)
            found.append((visitor, context, arm, chances[context, arm], reward, np.full(size, part * 60.0)))
        return Log(Names(CONTEXTS, ARMS), *(np.concatenate(column) for column in zip(*found, strict=True)))

    def truth(self, table: Reals) -> float:
        """The expected rate under a policy that does not learn; the visitors' levels have the mean 1."""
        return float((table[0] * np.array([[0.10, 0.20, 0.15], [0.25, 0.10, 0.15]])).sum(axis=1).mean())


def a_log(propensity: Reals, arm: list[int], reward: list[int]) -> Log:
    count = len(arm)
    return Log(
        Names(CONTEXTS, ARMS),
        np.arange(count),
        np.zeros(count, dtype=np.int64),
        np.array(arm),
        propensity,
        np.array(reward, dtype=np.int8),
        np.arange(count, dtype=float),
    )


def test_the_estimates_are_the_textbooks() -> None:
    log = a_log(np.array([0.5, 0.25, 0.25, 0.5]), [0, 1, 2, 0], [1, 1, 0, 0])
    value = Estimator(log, np.full((5, 2, 3), 0.5)).value(everywhere(log, np.array([[0.2, 0.5, 0.3]] * 2)))
    weights, rewards = np.array([0.4, 2.0, 1.2, 0.4]), np.array([1, 1, 0, 0])
    assert value.ips.estimate == pytest.approx((weights * rewards).sum() / 4)
    assert value.snips.estimate == pytest.approx((weights * rewards).sum() / weights.sum())
    assert value.doubly_robust.estimate == pytest.approx(0.5 + (weights * (rewards - 0.5)).sum() / 4)
    assert value.effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert value.filled == pytest.approx(weights.mean())


def test_what_was_served_is_estimated_as_what_was_counted() -> None:
    rng = np.random.default_rng(3)
    chances = np.array([[0.5, 0.3, 0.2]] * 2)
    arm = rng.choice(3, 900, p=chances[0])
    log = a_log(chances[0][arm], arm.tolist(), rng.integers(0, 2, 900).tolist())
    value = Estimator(log, model(log)).value(everywhere(log, chances))
    assert value.ips == value.snips
    assert value.ips.estimate == pytest.approx(log.reward.mean())
    assert value.lift.low < 0 < value.lift.high


@pytest.mark.parametrize("anytime", [False, True])
def test_intervals_hold_the_truth_though_the_log_adapts(anytime: bool) -> None:
    world, rng = World(), np.random.default_rng(11)
    table = np.array([[0.2, 0.6, 0.2], [0.6, 0.2, 0.2]])
    held, errors = np.zeros(3), np.zeros(3)
    for _ in range(80):
        log = world.log(rng)
        value = Estimator(log, model(log), anytime=anytime).value(everywhere(log, table))
        intervals = (value.ips, value.snips, value.doubly_robust)
        truth = world.truth(everywhere(log, table))
        held += [interval.low <= truth <= interval.high for interval in intervals]
        errors += [interval.estimate - truth for interval in intervals]
    assert (held >= (78 if anytime else 71)).all(), held  # of 80: 5 % miss, and chance lets 71 or more hold in 99.5 %
    assert np.abs(errors / 80).max() < 0.004


def test_clipping_is_told_and_pulls_ips_down() -> None:
    log = World().log(np.random.default_rng(5))
    table = everywhere(log, np.array([[1.0, 0, 0], [0, 1.0, 0]]))
    free, bound = Estimator(log, model(log)).value(table), Estimator(log, model(log), clip=4).value(table)
    assert free.clipped == 0 < bound.clipped
    assert bound.ips.estimate < free.ips.estimate
    assert bound.ips.high - bound.ips.low < free.ips.high - free.ips.low
    assert abs(bound.doubly_robust.estimate - free.doubly_robust.estimate) < 0.05


def test_a_policy_without_support_is_refused_with_a_sentence() -> None:
    log = World().log(np.random.default_rng(5))
    kept = ~((log.arm == 2) & (log.context == 1))
    parts = (log.visitor, log.context, log.arm, log.propensity)
    narrow = Log(log.names, parts[0][kept], parts[1][kept], parts[2][kept], parts[3][kept], log.reward[kept],
                 log.seconds[kept])  # fmt: skip
    assert missing(narrow, everywhere(narrow, np.full((2, 3), 1 / 3)))
    answers = {answer.policy.name: answer for answer in evaluate(narrow, usual(narrow, Settings()))}
    assert answers["a"].value
    assert not answers["c"].value
    assert "does not show c in evening|weekend|regular" in answers["c"].refusal


def test_an_estimate_from_a_handful_of_visitors_is_refused() -> None:
    log = a_log(np.full(40, 1 / 3), [0, 1, 2, 0] * 10, [1, 0, 0, 0] * 10)
    (answer,) = evaluate(log, [fixed("only b", "", {("*", "b"): 1.0, ("*", "a"): 0, ("*", "c"): 0})])
    assert answer.value is None
    assert "10 visitors" in answer.refusal


def test_a_log_of_two_impressions_answers_with_refusals() -> None:
    log = a_log(np.full(2, 1 / 3), [0, 1], [1, 0])
    answers = list(evaluate(log, usual(log, Settings())))
    assert len(answers) == len(usual(log, Settings()))
    assert all(answer.value is None and answer.refusal for answer in answers)


def test_a_rule_learns_from_what_came_before_only() -> None:
    world = World()
    log = world.log(np.random.default_rng(8))
    table = learning("rule", "", Settings(), {"dominance": "alert"}).table(log)
    assert table.shape == (BLOCKS, 2, 3)
    assert table[0] == pytest.approx(np.full((2, 3), 1 / 3), abs=1e-3)
    assert table[-1][0].argmax() == 1
    assert table[-1][1].argmax() == 0
    changed = Log(log.names, log.visitor, log.context, log.arm, log.propensity, 1 - log.reward, log.seconds)
    late = log.block >= BLOCKS // 2
    mixed = np.where(late, changed.reward, log.reward).astype(np.int8)
    other = Log(log.names, log.visitor, log.context, log.arm, log.propensity, mixed, log.seconds)
    half = learning("rule", "", Settings(), {"dominance": "alert"}).table(other)
    assert (half[: BLOCKS // 2 + 1] == table[: BLOCKS // 2 + 1]).all()
    assert (half[-1] != table[-1]).any()


def test_fewer_factors_share_what_they_merge() -> None:
    log = World().log(np.random.default_rng(8))
    table = learning("user type alone", "", Settings(), {}, factors=(2,)).table(log)
    assert (table[:, 0] == table[:, 1]).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.booleans()), min_size=30, max_size=60))
def test_estimates_do_not_depend_on_how_visitors_are_numbered(rows: list[tuple[int, int, bool]]) -> None:
    named, arm, reward = (np.array(column) for column in zip(*rows, strict=True))
    visitor = np.unique(named, return_inverse=True)[1]
    table, names = np.array([[0.2, 0.5, 0.3]] * 2), Names(CONTEXTS, ARMS)

    def value(visitors: Whole) -> tuple[float, float]:
        log = Log(names, visitors, np.zeros_like(arm), arm, np.full(len(arm), 1 / 3), reward.astype(np.int8),
                  np.arange(len(arm), dtype=float))  # fmt: skip
        found = Estimator(log, np.zeros((5, 2, 3))).value(everywhere(log, table))
        return found.ips.estimate, found.ips.high

    assert value(visitor) == pytest.approx(value(visitor.max() - visitor))


def test_a_log_with_an_impossible_propensity_is_refused() -> None:
    with pytest.raises(ValueError, match="propensity must be above 0"):
        a_log(np.array([0.0, 0.5]), [0, 1], [0, 1])
