"""Why one movie was shown by the arm it was: the record of the draw, and what is believed of every arm there."""

from dataclasses import dataclass
from typing import Final

from bandit_selector.errors import UnknownEvent
from bandit_selector.learning.memory import remembered
from bandit_selector.learning.posterior import interval
from bandit_selector.lists.context import published_keys
from bandit_selector.services.learning_rule import half_lives, learn_from
from bandit_selector.settings import Settings
from bandit_selector.store import posteriors
from bandit_selector.store.connection import Connection
from bandit_selector.store.impressions import Shown, read_impression

LEVEL: Final = 0.90


@dataclass(frozen=True, slots=True)
class ArmBelief:
    """One arm in the impression's context, as of now.

    `low` and `high` bound the success rate with 90 %; `best` is P(arm is best), `probability` the same after floor
    and cap; `own`, `borrowed` and `prior` say where the belief's precision comes from, and sum to 1.
    """

    arm: str
    successes: int
    failures: int
    remembered: float
    mean: float
    low: float
    high: float
    best: float
    probability: float
    own: float
    borrowed: float
    prior: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`version_now` is what serving draws from now; beliefs are empty where nothing was drawn."""

    shown: Shown
    version_now: int | None
    beliefs: tuple[ArmBelief, ...]


def explain(connection: Connection, event_id: int, settings: Settings) -> Explanation:
    """Everything there is to say about one impression; raises UnknownEvent."""
    shown = read_impression(connection, event_id)
    if shown is None:
        raise UnknownEvent(event_id)
    drawn = shown.propensity is not None and shown.context_key is not None
    beliefs = _beliefs(connection, shown.context_key or "", settings) if drawn else ()
    return Explanation(shown, posteriors.newest_version(connection), beliefs)


def _beliefs(connection: Connection, context_key: str, settings: Settings) -> tuple[ArmBelief, ...]:
    keys = published_keys(settings.context_factors, posteriors.visited(connection))
    if context_key not in keys:
        return ()
    recorded = posteriors.read_cells(connection, keys, settings.arms)
    memory, _ = remembered(recorded, half_lives(settings))
    learned = learn_from(recorded.contexts, memory, settings)
    row = keys.index(context_key)
    believed = learned.posterior
    low, high = interval(believed, LEVEL)
    kept = memory.long_successes + memory.long_failures
    columns = (recorded.successes, recorded.failures, kept, believed.mean, low, high,
               learned.best, learned.probability, believed.own, believed.borrowed, believed.prior)  # fmt: skip
    return tuple(
        ArmBelief(arm, int(successes), int(failures), *map(float, rest))
        for arm, successes, failures, *rest in zip(recorded.arms, *(column[row] for column in columns), strict=True)
    )
