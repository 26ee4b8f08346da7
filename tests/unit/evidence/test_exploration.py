"""The test within each context, against simulation: the bounds hold in all contexts and at all looks at once."""

from dataclasses import replace

import numpy as np
from bandit_selector.evidence.experiment import Part, Plan, read_out
from bandit_selector.evidence.exploration import ENOUGH, Exploration, explore
from bandit_selector.evidence.ratio import LEVEL
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally
from bandit_selector.evidence.words import exploration_sentence

from benchmarks._evidence_read import verdicts
from benchmarks._evidence_worlds import contexts

PLAN = Plan(treatment_share=0.5, lift=0.15)
EACH = LEVEL / 24


def test_a_test_without_a_difference_is_rarely_called_in_any_context_at_any_look() -> None:
    rng = np.random.default_rng(20251125)
    called = 0
    for _ in range(15):
        higher, lower = verdicts(contexts(rng, 400, looks=3)[..., None, :, :, :], 0.15, EACH, ENOUGH)
        called += bool((higher | lower).any())
    assert called <= 1


def test_a_large_lift_is_found_in_many_contexts_though_visitors_are_the_same() -> None:
    """200 movies a visitor, spread over 24 contexts, with activity 1:4:20."""
    rng = np.random.default_rng(7)
    found = [
        verdicts(contexts(rng, 1_000, looks=1, lift=0.3)[-1][..., None, :, :, :], 0.15, EACH, ENOUGH)[0].sum()
        for _ in range(3)
    ]
    assert np.mean(found) >= 8


def parts(lift: float, clicks: float = 120.0) -> list[Part]:
    """Sixteen clusters of 1,000 movies in each group."""
    return [
        Part(0, group, cluster, Tally(1_000, round(clicks * (1 + lift * (group == "treatment")) + cluster % 5)))
        for group in ("treatment", "control")
        for cluster in range(16)
    ]


def explored(one: list[Part], arrivals: Arrivals | None = None) -> Exploration | None:
    whole = [replace(part, cluster=part.cluster + 16 * more) for part in parts(0.3) for more in range(8)]
    test = read_out(whole, [arrivals or Arrivals(0.5, 5_000, 5_000)], PLAN)
    return explore({"night|weekday|regular": one}, test, PLAN).get("night|weekday|regular")


def test_a_difference_in_a_context_is_told_as_an_exploration() -> None:
    found = explored(parts(0.4))
    assert found is not None
    assert found.metrics["ctr"].lift is not None
    words = exploration_sentence(found)
    assert words.startswith("For exploring only: in this context treatment's CTR is ")
    assert "in all 24 contexts at once. The verdict is the whole test's." in words


def test_a_context_with_few_clicks_says_so() -> None:
    found = explored(parts(0.0, 1.0))
    assert found is not None
    assert exploration_sentence(found).startswith("Too early to tell for this context: treatment has 46 clicks")


def test_groups_that_cannot_be_compared_are_not_compared_by_context_either() -> None:
    assert explored(parts(0.4), Arrivals(0.9, 5_000, 5_000)) is None
