"""The test within each context, against simulation: the bounds hold in all contexts and at all looks at once."""

from dataclasses import replace

import numpy as np
import pytest
from bandit_selector.evidence.experiment import Exploration, Plan, explore, read_out
from bandit_selector.evidence.ratio import clustered
from bandit_selector.evidence.tally import Tally, total

CONTEXTS = ("morning", "afternoon", "evening", "night")
BASE = np.array([0.08, 0.12, 0.16, 0.24])
CLUSTERS = 128
PLACES = 10
PLAN = Plan(treatment_share=0.5, lift=0.15)
GROUPS = ("treatment", "control")

Sums = dict[tuple[str, str, int], Tally]
"""(group, context, cluster) → tally."""


def visits(rng: np.random.Generator, users: int, lift: float = 0.0) -> Sums:
    """Every visitor has an individual click rate and sees a list of ten in two or three contexts."""
    sums: Sums = {}
    for group in GROUPS:
        raised = 1 + lift * (group == "treatment")
        taste = np.clip(rng.normal(1, 0.5, (users, 1)), 0.1, 1.9)
        there = rng.random((users, len(CONTEXTS))) < 0.6
        clicks = rng.binomial(PLACES, np.clip(BASE * taste * raised, 0, 1)) * there
        cluster = rng.integers(CLUSTERS, size=users)
        for place, context in enumerate(CONTEXTS):
            shown = np.bincount(cluster, there[:, place] * PLACES, CLUSTERS)
            clicked = np.bincount(cluster, clicks[:, place], CLUSTERS)
            for number, (n, x) in enumerate(zip(shown, clicked, strict=True)):
                sums[group, context, number] = Tally(int(n), int(x))
    return sums


def explored(sums: Sums, users: int, plan: Plan | None = None) -> dict[str, Exploration]:
    plan = plan or PLAN
    contexts = {
        context: {
            group: total(tally for (g, c, _), tally in sums.items() if (g, c) == (group, context)) for group in GROUPS
        }
        for context in CONTEXTS
    }
    totals = {group: total(part[group] for part in contexts.values()) for group in GROUPS}
    clusters = [
        (group, total(sums[group, context, number] for context in CONTEXTS))
        for group in GROUPS
        for number in range(CLUSTERS)
    ]
    return explore(contexts, read_out(totals, clusters, dict.fromkeys(GROUPS, users), plan), plan)


def called(rng: np.random.Generator, users: int, looks: int) -> bool:
    """Whether a test without any difference is significant in some context at some look."""
    sums: Sums = {}
    for look in range(1, looks + 1):
        new = visits(rng, users)
        sums = {key: sums.get(key, Tally()) + tally for key, tally in new.items()}
        found = [one.metrics["ctr"].lift for one in explored(sums, users * look).values()]
        if any(lift is not None and lift.significant for lift in found):
            return True
    return False


def test_a_test_without_a_difference_is_rarely_called_in_any_context_at_any_look() -> None:
    rng = np.random.default_rng(20251125)
    assert sum(called(rng, 300, looks=3) for _ in range(50)) <= 2


def test_a_difference_in_a_context_is_found_and_told_as_an_exploration() -> None:
    found = explored(visits(np.random.default_rng(7), 4000, lift=0.4), 4000)
    night = found["night"]
    assert night.metrics["ctr"].lift is not None
    assert night.metrics["ctr"].lift.significant
    assert night.sentence.startswith("For exploring only: in this context treatment's CTR is ")
    assert "in all 4 contexts at once. The verdict is the whole test's." in night.sentence


def test_a_context_with_few_clicks_is_not_read_out() -> None:
    found = explored(visits(np.random.default_rng(7), 60), 60)["morning"]
    assert found.metrics["ctr"].lift is None
    assert found.sentence.startswith("Too early to tell for this context: the smaller group has ")


def test_groups_that_cannot_be_compared_are_not_compared_by_context_either() -> None:
    assert explored(visits(np.random.default_rng(7), 4000), 4000, replace(PLAN, treatment_share=0.9)) == {}


def test_the_borrowed_bounds_are_wider_than_those_of_the_contexts_own_visitors() -> None:
    sums = visits(np.random.default_rng(11), 4000)
    for context, found in explored(sums, 4000).items():
        own = clustered(
            (sums["control", context, n].clicked, sums["control", context, n].shown) for n in range(CLUSTERS)
        )
        assert found.metrics["ctr"].control.value == pytest.approx(own.value)
        assert found.metrics["ctr"].control.variance > 0.9 * own.variance
