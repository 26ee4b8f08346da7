"""Publishing: learned counts become the probabilities that serving draws from. Knows the order of things only."""

from math import inf

from bandit_selector.learning.counts import Counts, remembered
from bandit_selector.learning.learn import Learned, learn
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.settings import Settings
from bandit_selector.store import posteriors
from bandit_selector.store.connection import Connection, transaction


def publish(connection: Connection, settings: Settings) -> int | None:
    """Makes the next version of the posteriors from the learned counts; None when there is nothing to do.

    Nothing is done while another process publishes, within a second of the last version, and when no probability has
    changed. It is one transaction: whatever interrupts it leaves the last version in force.
    """
    with transaction(connection):
        if not posteriors.is_due(connection):
            return None
        posteriors.complete_contexts(connection, CONTEXT_KEYS, settings)
        recorded = posteriors.read_cells(connection, CONTEXT_KEYS, settings.arms)
        counts = remembered(recorded, half_life(settings))
        learned = learn_from(counts, settings)
        drawn = dict(zip(counts.cells, learned.probability.ravel().tolist(), strict=True))
        if posteriors.published(connection) == drawn:
            return None
        return posteriors.write(connection, recorded, counts, learned)


def half_life(settings: Settings) -> float:
    """In outcomes. POLICY=independent never forgets, as in the deployment guide."""
    return settings.half_life if settings.policy == "shared" else inf


def learn_from(counts: Counts, settings: Settings) -> Learned:
    """The learning rule under these settings."""
    return learn(
        counts,
        settings.policy,
        settings.prior_alpha,
        settings.prior_beta,
        settings.min_arm_probability,
        settings.max_algorithm_dominance,
    )
