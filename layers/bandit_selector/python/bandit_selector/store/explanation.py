"""Why one movie was shown by the arm it was: the record of the draw, and what is believed of every arm there."""

from dataclasses import dataclass
from datetime import datetime

from bandit_selector.errors import UnknownEvent
from bandit_selector.learning.posterior import interval
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.posteriors import gather, learn_from

LEVEL = 0.90


@dataclass(frozen=True, slots=True)
class Shown:
    """The impression: `propensity` and `version` are those of the draw, None where nothing was drawn."""

    event_id: int
    user_id: int
    movie_id: int
    position: int | None
    algorithm: str
    context_key: str | None
    propensity: float | None
    version: int | None
    created_at: datetime
    outcome: str | None


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
    shown = _shown(connection, event_id)
    version = connection.execute("SELECT max(version) FROM bandit_posteriors").fetchone()
    drawn = shown.propensity is not None and shown.context_key is not None
    beliefs = _beliefs(connection, shown.context_key or "", settings) if drawn else ()
    return Explanation(shown, version[0] if version else None, beliefs)


def _shown(connection: Connection, event_id: int) -> Shown:
    row = connection.execute(
        """
        SELECT id, user_id, movie_id, position, algorithm, context->>'context_key', propensity, posterior_version,
            created_at, outcome
        FROM recommendation_events WHERE id = %s
        """,
        [event_id],
    ).fetchone()
    if row is None:
        raise UnknownEvent(event_id)
    return Shown(*row)


def _beliefs(connection: Connection, context_key: str, settings: Settings) -> tuple[ArmBelief, ...]:
    evidence = gather(connection, settings)
    counts, learned = evidence.counts, learn_from(evidence.counts, settings)
    if context_key not in counts.contexts:
        return ()
    row = counts.contexts.index(context_key)
    believed = learned.posterior
    low, high = interval(believed, LEVEL)
    columns = (*evidence.totals, counts.successes + counts.failures, believed.mean, low, high, learned.best,
               learned.probability, believed.own, believed.borrowed, believed.prior)  # fmt: skip
    return tuple(
        ArmBelief(arm, int(successes), int(failures), *map(float, rest))
        for arm, successes, failures, *rest in zip(counts.arms, *(column[row] for column in columns), strict=True)
    )
