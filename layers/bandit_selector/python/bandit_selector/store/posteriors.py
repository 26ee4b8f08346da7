"""Publishing: learned counts become the probabilities that serving draws from. One publisher at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from bandit_selector.learning.counts import Reals
from bandit_selector.learning.learn import Counts, Learned, forget, learn
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, transaction

PUBLISH_LOCK = 7_310_013


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Counts of every cell, each array of shape (contexts, arms): learned in total, and with forgetting."""

    totals: tuple[Reals, Reals]
    counts: Counts


def publish(connection: Connection, settings: Settings) -> int | None:
    """Makes the next version of the posteriors from the learned counts; None when there is nothing to do.

    Nothing is done while another publishes, within a second of the last version, and when nothing has changed. It is
    one transaction: whatever interrupts it leaves the last version in force.
    """
    with transaction(connection):
        if not _is_due(connection):
            return None
        _complete_contexts(connection, settings)
        evidence = gather(connection, settings)
        learned = learn_from(evidence.counts, settings)
        return _write(connection, evidence, learned) if _differs(connection, learned, evidence.counts) else None


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


def gather(connection: Connection, settings: Settings) -> Evidence:
    """Every context's counts: what the last version held, forgotten by as much as came since, and what came since.

    A conversion (a failure that becomes a success) moves one outcome and ages nothing. POLICY=independent never
    forgets.
    """
    cells = connection.execute(
        """
        SELECT coalesce(state.total_successes, 0), coalesce(state.total_failures, 0),
            coalesce(seen_successes, 0), coalesce(seen_failures, 0),
            coalesce(discounted_successes, 0), coalesce(discounted_failures, 0)
        FROM unnest(%s::text[]) WITH ORDINALITY AS context (context_key, row)
        CROSS JOIN unnest(%s::text[]) WITH ORDINALITY AS arm (algorithm, col)
        LEFT JOIN bandit_states AS state USING (context_key, algorithm)
        LEFT JOIN bandit_posteriors AS posterior USING (context_key, algorithm)
        ORDER BY row, col
        """,
        [list(CONTEXT_KEYS), list(settings.arms)],
    ).fetchall()
    shape = (6, len(CONTEXT_KEYS), len(settings.arms))
    successes, failures, seen_successes, seen_failures, old_successes, old_failures = np.array(
        cells, dtype=float
    ).T.reshape(shape)
    new_successes, new_failures = successes - seen_successes, failures - seen_failures
    half_life = settings.half_life if settings.policy == "shared" else inf
    arrived = max(float(new_successes.sum() + new_failures.sum()), 0.0)
    kept_successes, kept_failures = forget(old_successes, old_failures, arrived, half_life)
    counts = Counts(
        CONTEXT_KEYS,
        settings.arms,
        np.maximum(kept_successes + new_successes, 0),
        np.maximum(kept_failures + new_failures, 0),
    )
    return Evidence((successes, failures), counts)


def _is_due(connection: Connection) -> bool:
    row = connection.execute(
        """
        SELECT pg_try_advisory_xact_lock(%s)
            AND NOT EXISTS (SELECT FROM bandit_posteriors WHERE published_at > clock_timestamp() - interval '1 second')
        """,
        [PUBLISH_LOCK],
    ).fetchone()
    return bool(row and row[0])


def _complete_contexts(connection: Connection, settings: Settings) -> None:
    """Gives every configured arm a cell in each context that has learned anything, as the guide's readers expect."""
    connection.execute(
        """
        INSERT INTO bandit_states (context_key, algorithm, prior_alpha, prior_beta, alpha, beta)
        SELECT context_key, arm, %(alpha)s, %(beta)s, %(alpha)s, %(beta)s
        FROM (SELECT DISTINCT context_key FROM bandit_states WHERE context_key = ANY(%(keys)s)) AS known
        CROSS JOIN unnest(%(arms)s::text[]) AS arm
        ORDER BY context_key, arm
        ON CONFLICT (context_key, algorithm) DO NOTHING
        """,
        {
            "alpha": settings.prior_alpha,
            "beta": settings.prior_beta,
            "keys": list(CONTEXT_KEYS),
            "arms": list(settings.arms),
        },
    )


def _differs(connection: Connection, learned: Learned, counts: Counts) -> bool:
    """Whether serving would draw differently from what is published."""
    published = {
        (context_key, arm): probability
        for context_key, arm, probability in connection.execute(
            "SELECT context_key, algorithm, probability FROM bandit_posteriors"
        )
    }
    return published != dict(zip(_cells(counts), learned.probability.ravel().tolist(), strict=True))


def _cells(counts: Counts) -> list[tuple[str, str]]:
    return [(context_key, arm) for context_key in counts.contexts for arm in counts.arms]


def _write(connection: Connection, evidence: Evidence, learned: Learned) -> int:
    """Replaces what is published by one new version; cells of retired arms go."""
    counts = evidence.counts
    keys, arms = zip(*_cells(counts), strict=True)
    connection.execute("DELETE FROM bandit_posteriors WHERE algorithm <> ALL(%s)", [list(counts.arms)])
    row = connection.execute(
        """
        WITH version AS MATERIALIZED (SELECT nextval('bandit_posterior_version') AS number)
        INSERT INTO bandit_posteriors
            (version, published_at, context_key, algorithm, alpha, beta, probability,
             discounted_successes, discounted_failures, seen_successes, seen_failures)
        SELECT version.number, clock_timestamp(), cell.*
        FROM version CROSS JOIN unnest(
            %s::text[], %s::text[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
            %s::int[], %s::int[]
        ) AS cell
        ON CONFLICT (context_key, algorithm) DO UPDATE SET
            version = excluded.version, published_at = excluded.published_at,
            alpha = excluded.alpha, beta = excluded.beta, probability = excluded.probability,
            discounted_successes = excluded.discounted_successes, discounted_failures = excluded.discounted_failures,
            seen_successes = excluded.seen_successes, seen_failures = excluded.seen_failures
        RETURNING version
        """,
        [
            list(keys),
            list(arms),
            *_columns(learned.posterior.alpha, learned.posterior.beta, learned.probability),
            *_columns(counts.successes, counts.failures, *evidence.totals),
        ],
    ).fetchone()
    assert row is not None  # noqa: S101 # there is at least one cell
    return int(row[0])


def _columns(*arrays: Reals) -> Sequence[list[float]]:
    return [array.ravel().tolist() for array in arrays]
