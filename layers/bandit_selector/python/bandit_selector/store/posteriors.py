"""The published posteriors: what they are made from, and the versions that serving reads. Decides nothing."""

from collections.abc import Sequence

import numpy as np

from bandit_selector.learning.counts import Counts, Reals, Recorded
from bandit_selector.learning.learn import Learned
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock


def read_cells(connection: Connection, contexts: Sequence[str], arms: Sequence[str]) -> Recorded:
    """What is counted of every cell, and what the last version held of it."""
    rows = connection.execute(
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
        [list(contexts), list(arms)],
    ).fetchall()
    columns = np.array(rows, dtype=float).T.reshape(6, len(contexts), len(arms))
    return Recorded(tuple(contexts), tuple(arms), *columns)


def is_due(connection: Connection) -> bool:
    row = connection.execute(
        """
        SELECT pg_try_advisory_xact_lock(%s)
            AND NOT EXISTS (SELECT FROM bandit_posteriors WHERE published_at > clock_timestamp() - interval '1 second')
        """,
        [Lock.PUBLISH],
    ).fetchone()
    return bool(row and row[0])


def complete_contexts(connection: Connection, contexts: Sequence[str], settings: Settings) -> None:
    """Gives every configured arm a cell in each context that has learned anything, as the guide's readers expect."""
    connection.execute(
        """
        INSERT INTO bandit_states (context_key, algorithm, prior_alpha, prior_beta, alpha, beta)
        SELECT context_key, arm, %(alpha)s, %(beta)s, %(alpha)s, %(beta)s
        FROM (SELECT DISTINCT context_key FROM bandit_states WHERE context_key = ANY(%(keys)s)) AS known
        CROSS JOIN unnest(%(arms)s::text[]) AS arm
        WHERE NOT EXISTS ( -- a row that conflicts would take a number from the sequence
            SELECT FROM bandit_states AS s WHERE (s.context_key, s.algorithm) = (known.context_key, arm)
        )
        ORDER BY context_key, arm
        ON CONFLICT (context_key, algorithm) DO NOTHING
        """,
        {
            "alpha": settings.prior_alpha,
            "beta": settings.prior_beta,
            "keys": list(contexts),
            "arms": list(settings.arms),
        },
    )


def published(connection: Connection) -> dict[tuple[str, str], float]:
    """The probability that serving draws each cell's arm with."""
    rows = connection.execute("SELECT context_key, algorithm, probability FROM bandit_posteriors")
    return {(context_key, arm): probability for context_key, arm, probability in rows}


def newest_version(connection: Connection) -> int | None:
    """The version that serving draws from; None before the first."""
    row = connection.execute("SELECT max(version) FROM bandit_posteriors").fetchone()
    return row[0] if row else None


def write(connection: Connection, recorded: Recorded, counts: Counts, learned: Learned) -> int:
    """Replaces what is published by one new version; deletes the cells of retired arms."""
    keys, arms = zip(*counts.cells, strict=True)
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
            *_columns(counts.successes, counts.failures, recorded.successes, recorded.failures),
        ],
    ).fetchone()
    assert row is not None  # noqa: S101 # there is at least one cell
    return int(row[0])


def _columns(*arrays: Reals) -> Sequence[list[float]]:
    return [array.ravel().tolist() for array in arrays]
