"""What other policies would have earned on a log: each policy's table, and its value. Knows no storage."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bandit_selector.evidence.logged import BLOCKS, FOLDS, Log, Reals
from bandit_selector.evidence.off_policy import FEWEST_VISITORS, Estimator, Missing, Value, everywhere, missing
from bandit_selector.learning.counts import Counts
from bandit_selector.learning.memory import Ages, Memory
from bandit_selector.learning.posterior import posterior
from bandit_selector.services.learning_rule import forget_refuted, half_lives, learn_from
from bandit_selector.settings import Settings

Table: TypeAlias = Callable[[Log], Reals]
"""Makes a policy's probabilities on a log; shape (blocks, contexts, arms)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy to be evaluated, and how a sentence names what it does."""

    name: str
    what: str
    table: Table


@dataclass(frozen=True, slots=True)
class Answer:
    """`value` is None where the log cannot tell; `refusal` says why."""

    policy: Policy
    value: Value | None
    refusal: str = ""


def evaluate(
    log: Log, policies: Iterator[Policy] | list[Policy], clip: float = np.inf, anytime: bool = False
) -> Iterator[Answer]:
    """Each policy's value on the log, in order, one after the other."""
    estimator = Estimator(log, model(log), clip, anytime)
    for policy in policies:
        yield _answer(estimator, policy)


def _answer(estimator: Estimator, policy: Policy) -> Answer:
    table = policy.table(estimator.log)
    lacking = missing(estimator.log, table)
    if lacking:
        return Answer(policy, None, _unseen(lacking))
    value = estimator.value(table)
    if value.visitors < FEWEST_VISITORS:
        return Answer(policy, None, _too_few(value))
    return Answer(policy, value)


def _unseen(lacking: Missing) -> str:
    return (
        f"The log does not show {lacking.arm} in {lacking.context}, where this policy would: {lacking.share:.0%} of "
        "its places are where the log has none. Log more lists, with a floor (MIN_ARM_PROBABILITY above 0)."
    )


def _too_few(value: Value) -> str:
    return (
        f"The estimate would rest on {value.visitors:.0f} visitors in effect, and {FEWEST_VISITORS:.0f} are the least: "
        "the log rarely chose what this policy chooses. A longer log or a higher floor helps."
    )


def model(log: Log) -> Reals:
    """The shared rule's mean per (fold, context, arm), each from the visitors of the other folds."""
    successes, shown = log.outcomes_by_fold()
    means: list[Reals] = []
    for fold in range(FOLDS):
        s, n = successes.sum(axis=0) - successes[fold], shown.sum(axis=0) - shown[fold]
        means.append(posterior(Counts(log.names.contexts, log.names.arms, s, n - s), "shared", 1.0, 1.0).mean)
    return np.stack(means)


def usual(log: Log, settings: Settings) -> list[Policy]:
    """The policies that a team asks about first."""
    return [
        *(Policy(arm, f"{arm} at every place", _alone(arm)) for arm in log.names.arms),
        Policy("uniform", "every arm equally often", _uniform),
        Policy("best per context", "the arm with the best mean so far in the context", _greedy),
        learning("independent", "Thompson sampling, each cell by itself", settings, {"policy": "independent"}),
        learning("as configured", "the rule with the settings in force", settings, {}),
        learning("without cap", "the same, and the cap only tells", settings, {"dominance": "alert"}),
    ]


def learning(
    name: str, what: str, settings: Settings, changed: Mapping[str, object], factors: tuple[int, ...] | None = None
) -> Policy:
    """The product's rule under changed settings, learning from nothing as the log goes; `factors` keeps only these."""
    changed_settings = Settings.model_validate(settings.model_dump() | dict(changed))
    return Policy(name, what, lambda log: _as_learned(log, changed_settings, factors))


def fixed(name: str, what: str, probabilities: Mapping[tuple[str, str], float]) -> Policy:
    """A given table of probabilities by (context, arm); the context `*` stands for all that are not given.

    Raises ValueError, which names the context whose probabilities do not sum to 1.
    """
    return Policy(name, what, lambda log: everywhere(log, _given(log, probabilities)))


def _given(log: Log, probabilities: Mapping[tuple[str, str], float]) -> Reals:
    rows = [
        [probabilities.get((context, arm), probabilities.get(("*", arm), 0.0)) for arm in log.names.arms]
        for context in log.names.contexts
    ]
    for context, row in zip(log.names.contexts, rows, strict=True):
        if not (min(row) >= 0 and abs(sum(row) - 1) <= 1e-3):
            raise ValueError(
                f"the probabilities in {context} sum to {sum(row):.4f} over {', '.join(log.names.arms)}, not to 1."
            )
    table = np.array(rows)
    return table / table.sum(axis=1, keepdims=True)


def _alone(arm: str) -> Table:
    def table(log: Log) -> Reals:
        return everywhere(log, np.eye(len(log.names.arms))[[log.names.arms.index(arm)] * len(log.names.contexts)])

    return table


def _uniform(log: Log) -> Reals:
    shape = (len(log.names.contexts), len(log.names.arms))
    return everywhere(log, np.full(shape, 1 / shape[1]))


def _greedy(log: Log) -> Reals:
    """Of each block, the best arm by the shared rule's mean over what came before."""
    successes, shown = (_before(values) for values in log.outcomes())
    tables: list[Reals] = []
    for s, n in zip(successes, shown, strict=True):
        mean = posterior(Counts(log.names.contexts, log.names.arms, s, n - s), "shared", 1.0, 1.0).mean
        tables.append(np.eye(len(log.names.arms))[mean.argmax(axis=1)] if n.any() else np.full_like(n, 1 / n.shape[1]))
    return np.stack(tables)


def _before(by_block: Reals) -> Reals:
    return by_block.cumsum(axis=0) - by_block


def _as_learned(log: Log, settings: Settings, factors: tuple[int, ...] | None) -> Reals:
    """Block by block: what the rule publishes from the blocks before."""
    merged, contexts = _merged(log.names.contexts, factors)
    lives, memory, ages = half_lives(settings), Memory.empty(len(contexts), len(log.names.arms)), _new(len(contexts))
    settings = settings.model_copy(update={"arms": log.names.arms})
    tables: list[Reals] = []
    for successes, shown, seconds in zip(*log.outcomes(), _lengths(log), strict=True):
        tables.append(learn_from(contexts, memory, settings).probability[merged])
        s, n = (_added(values, merged, len(contexts)) for values in (successes, shown))
        now = ages.after(float(n.sum()), seconds, lives)
        memory, _ = forget_refuted(contexts, memory.aged(ages, now).plus(s, n - s), settings)
        ages = now
    return np.stack(tables)


def _new(contexts: int) -> Ages:
    return Ages(*(np.zeros((contexts, 1)) for _ in range(3)))


def _merged(contexts: tuple[str, ...], factors: tuple[int, ...] | None) -> tuple[list[int], tuple[str, ...]]:
    """For each context, which of the coarser ones it belongs to, and their keys; without `factors`, itself."""
    parts = [context.split("|") for context in contexts]
    kept = [
        "|".join(part[f] for f in factors if f < len(part)) if factors is not None else "|".join(part) for part in parts
    ]
    keys = tuple(dict.fromkeys(kept))
    return [keys.index(key) for key in kept], keys


def _added(values: Reals, merged: list[int], contexts: int) -> Reals:
    total = np.zeros((contexts, values.shape[1]))
    np.add.at(total, merged, values)
    return total


def _lengths(log: Log) -> Reals:
    """How many seconds each block took; 0 for a block without impressions."""
    last = log.seconds[-1]
    starts = np.append(log.seconds, last)[np.searchsorted(log.block, np.arange(BLOCKS))]
    return np.diff(starts, append=last)
