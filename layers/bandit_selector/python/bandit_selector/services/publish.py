"""Publishing: learned counts, and the arms' history, become the probabilities that serving draws from.

Knows the order of things only.
"""

from typing import Final

import numpy as np

from bandit_selector.learning.counts import Reals
from bandit_selector.learning.memory import remembered
from bandit_selector.lists.context import published_keys
from bandit_selector.services.history import read_history
from bandit_selector.services.learning_rule import forget_refuted, half_lives, learn_from
from bandit_selector.settings import Settings
from bandit_selector.store import posteriors
from bandit_selector.store.connection import Connection, transaction

NEGLIGIBLE: Final = 1e-6
"""Outcomes: less of history is rounding."""
TOLERANCE: Final = 1e-4
"""A context is published again when the probability of one of its arms moved by more than this."""


def publish(connection: Connection, settings: Settings) -> int | None:
    """Makes the next version of the posteriors from the learned counts; None when no probability has moved.

    Nothing is done while another process publishes, and within PUBLISH_EVERY of the last time. It is one transaction:
    whatever interrupts it leaves the last version in force.
    """
    with transaction(connection):
        due = posteriors.is_due(connection, settings.publish_every)
        return _publish(connection, settings) if due else None


def _publish(connection: Connection, settings: Settings) -> int | None:
    keys = published_keys(settings.context_factors, posteriors.visited(connection))
    posteriors.complete_contexts(connection, keys, settings)
    recorded = posteriors.read_cells(connection, keys, settings.arms)
    memory, ages = remembered(recorded, half_lives(settings))
    history = read_history(connection, recorded.contexts, settings)
    recalled = history - posteriors.recalled(connection, recorded.contexts, recorded.arms)
    memory, told = forget_refuted(recorded.contexts, memory.recalling(recalled), settings)
    learned = learn_from(recorded.contexts, memory, settings)
    moved = _moved(posteriors.published(connection, keys, settings.arms), learned.probability)
    written = moved | recorded.news | bool(told) | np.any(np.abs(recalled) > NEGLIGIBLE, axis=(0, 2))
    if not written.any():
        return None
    posteriors.record(connection, told)
    edition = posteriors.Edition(recorded, memory, ages, learned, moved.tolist(), written.tolist(), history)
    return posteriors.write(connection, edition)


def _moved(before: Reals, after: Reals) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which contexts have an arm that is new or whose probability moved."""
    return ~np.all(np.abs(before - after) <= TOLERANCE, axis=1)
