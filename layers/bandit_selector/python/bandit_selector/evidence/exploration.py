"""The test within each context: comparisons for exploring, without a verdict. Knows no storage.

Each context has sixteen clusters of visitors of its own; the few degrees of freedom widen its bounds. They hold in all
possible contexts and at every look at once: each gets an equal part of the level (Bonferroni).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bandit_selector.evidence.experiment import INCOMPARABLE, Comparison, Part, Plan, ReadOut, compare
from bandit_selector.evidence.ratio import LEVEL
from bandit_selector.evidence.tally import RATIOS, Metric

ENOUGH: Final = 8.0
"""Effective clusters, of sixteen, from which a context is compared."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """One context's comparisons; `contexts` is in how many contexts their bounds hold at once."""

    metrics: dict[Metric, Comparison]
    contexts: int


def explore(contexts: Mapping[str, Iterable[Part]], whole: ReadOut, plan: Plan) -> dict[str, Exploration]:
    """The test within each context, from {context: clusters}; empty while the whole test cannot be compared."""
    if whole.verdict in INCOMPARABLE:
        return {}
    number = max(plan.contexts, len(contexts))
    return {key: Exploration(_compared(list(parts), plan, number), number) for key, parts in contexts.items()}


def _compared(parts: list[Part], plan: Plan, contexts: int) -> dict[Metric, Comparison]:
    return {metric: compare(metric, parts, plan.lift, LEVEL / contexts, ENOUGH) for metric in RATIOS}
