"""The guide's checklist: met only by a whole interval, and unknown without data."""

from dataclasses import replace

import pytest
from bandit_selector.evidence.experiment import Comparison, Plan, ReadOut, read_out
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.ratio import Interval, Ratio
from bandit_selector.health.goals import GoalFacts, Leading, goals

ARMS = ("svd", "graph")
NOTHING = read_out([], [], Plan(0.5, 0.15), 0)


def facts(**given: object) -> GoalFacts:
    known: dict[str, object] = {
        "cells": 0,
        "pulls": dict.fromkeys(ARMS, 0),
        "judged": 0,
        "critical": None,
        "leading": (),
        "experiment": NOTHING,
        "places": {},
        "dominance": 0.7,
        "diversity": None,
        "diverse": False,
    }
    return GoalFacts(**(known | given))  # pyright: ignore[reportArgumentType] # a test's own names


def states(**given: object) -> dict[str, str]:
    return {one.name: one.state for one in goals(facts(**given))}


def lifted(low: float, high: float) -> ReadOut:
    lift = Lift(Interval((low + high) / 2, low, high), Interval(0, low, high), 0.01, 0.1, 1.0)
    one = Comparison(Ratio(1, 10, 0.001), Ratio(1, 10, 0.001), lift)
    metrics = dict.fromkeys(NOTHING.metrics, one)
    return replace(NOTHING, metrics=metrics)


def test_without_data_nothing_is_met() -> None:
    found = states()
    assert "met" not in found.values()
    assert found["CTR improving vs control group"] == "cannot be known"
    assert len(found) == 12


def test_an_arm_without_outcomes_is_named() -> None:
    (line,) = (one for one in goals(facts(pulls={"svd": 5, "graph": 0})) if "pulls" in one.name)
    assert (line.state, line.figure) == ("not yet", "1 of 2 algorithms have outcomes; none yet: graph")


@pytest.mark.parametrize(
    ("bounds", "improving", "aimed", "thumbs"),
    [
        ((0.16, 0.30), "met", "met", "not yet"),
        ((0.01, 0.30), "met", "not yet", "not yet"),
        ((-0.2, 0.4), "not yet", "not yet", "not yet"),
        ((-0.4, -0.1), "not yet", "not yet", "met"),
    ],
)
def test_a_lift_is_met_once_its_whole_interval_is(
    bounds: tuple[float, float], improving: str, aimed: str, thumbs: str
) -> None:
    found = states(experiment=lifted(*bounds))
    assert found["CTR improving vs control group"] == improving
    assert found["15-25% CTR improvement over baseline"] == aimed
    assert found["Reduced thumbs-down rate"] == thumbs


def test_patterns_need_contexts_with_different_best_algorithms() -> None:
    one = Leading("a", "svd", 0.99, 100)
    name = "Context-specific patterns visible"
    assert states(leading=[one])[name] == "cannot be known"
    assert states(leading=[one, Leading("b", "svd", 0.96, 10)])[name] == "not yet"
    assert states(leading=[one, Leading("b", "graph", 0.96, 10)])[name] == "met"


def test_preferences_are_clear_where_half_of_the_traffic_knows() -> None:
    name = "Clear algorithm preferences emerging"
    known, unknown = Leading("a", "svd", 0.99, 40), Leading("b", "svd", 0.5, 60)
    assert states(leading=[known, unknown])[name] == "not yet"
    assert states(leading=[known, Leading("b", "svd", 0.5, 39)])[name] == "met"


def test_dominance_and_alerts_are_told_with_their_figures() -> None:
    found = goals(facts(places={"svd": 80, "graph": 20}, critical=["Ratings are low"]))
    lines = {one.name: (one.state, one.figure) for one in found}
    assert lines["Diversity maintained (no single algo > 70%)"] == ("not yet", "svd has 80% of 100 places")
    assert lines["No critical monitoring alerts"] == ("not yet", "Ratings are low")
