"""The published posteriors: what they are made from, and the versions that serving reads. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bandit_selector.learning.counts import Reals
from bandit_selector.learning.learn import Learned
from bandit_selector.learning.memory import Ages, Memory, Recorded
from bandit_selector.learning.refutation import Forgetting
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock


@dataclass(frozen=True, slots=True)
class Edition:
    """What one publication writes. Per context, `moved` tells whether its probabilities are published, and `written`
    whether its cells' memory is kept; a context that moved is written. `history` is what the memory holds of it,
    (2, contexts, arms)."""

    recorded: Recorded
    memory: Memory
    ages: Ages
    learned: Learned
    moved: Sequence[bool]
    written: Sequence[bool]
    history: Reals


def read_cells(connection: Connection, contexts: Sequence[str], arms: Sequence[str]) -> Recorded:
    """What is counted of every cell, and what the last publication remembered of it."""
    rows = connection.execute(
        """
        SELECT coalesce(state.total_successes, 0), coalesce(state.total_failures, 0),
            coalesce(seen_successes, 0), coalesce(seen_failures, 0),
            coalesce(discounted_successes, 0), coalesce(discounted_failures, 0),
            coalesce(short_successes, 0), coalesce(short_failures, 0), coalesce(short_squares, 0),
            coalesce(short_cross, 0), coalesce(traffic, 0),
            coalesce(long_age, 0), coalesce(short_age, 0), coalesce(traffic_age, 0)
        FROM unnest(%s::text[]) WITH ORDINALITY AS context (context_key, row)
        CROSS JOIN unnest(%s::text[]) WITH ORDINALITY AS arm (algorithm, col)
        LEFT JOIN bandit_states AS state USING (context_key, algorithm)
        LEFT JOIN bandit_posteriors AS posterior USING (context_key, algorithm)
        ORDER BY row, col
        """,
        [list(contexts), list(arms)],
    ).fetchall()
    columns = np.array(rows, dtype=float).T.reshape(14, len(contexts), len(arms))
    ages, seconds = _ages(connection)
    return Recorded(
        contexts=tuple(contexts),
        arms=tuple(arms),
        successes=columns[0],
        failures=columns[1],
        seen_successes=columns[2],
        seen_failures=columns[3],
        memory=Memory(*columns[4:11]),
        then=Ages(*columns[11:]),
        ages=ages,
        seconds=seconds,
    )


def recalled(connection: Connection, contexts: Sequence[str], arms: Sequence[str]) -> Reals:
    """What the cells' memory holds of the arms' history, (2, contexts, arms)."""
    rows = connection.execute(
        "SELECT context_key, algorithm, history_successes, history_failures FROM bandit_posteriors"
    )
    known = {(context_key, arm): (successes, failures) for context_key, arm, successes, failures in rows}
    cells = [known.get((context, arm), (0.0, 0.0)) for context in contexts for arm in arms]
    return np.array(cells, dtype=float).reshape(len(contexts), len(arms), 2).transpose(2, 0, 1)


def _ages(connection: Connection) -> tuple[Ages, float]:
    """The service's ages at the last publication, and the seconds since; before the first, nothing can age.

    No cell is older than the service: where that row was lost or is of a backup, the ages are those of the cells.
    """
    row = connection.execute(
        """
        SELECT coalesce(greatest(memory.long_age, cell.long_age), 0),
            coalesce(greatest(memory.short_age, cell.short_age), 0),
            coalesce(greatest(memory.traffic_age, cell.traffic_age), 0),
            coalesce(greatest(extract(epoch FROM clock_timestamp() - coalesce(aged_at, published_at)), 0), 0)::float8
        FROM (
            SELECT max(long_age) AS long_age, max(short_age) AS short_age, max(traffic_age) AS traffic_age,
                max(published_at) AS published_at
            FROM bandit_posteriors
        ) AS cell LEFT JOIN bandit_memory AS memory ON true
        """
    ).fetchone()
    assert row is not None  # noqa: S101 # an aggregate is one row
    *ages, seconds = row
    return Ages(*map(np.array, ages)), seconds


def is_due(connection: Connection, every: timedelta) -> bool:
    """Whether `every` has passed since the last publication, and no other process publishes now.

    A last publication in the future is one before the clock was set back.
    """
    row = connection.execute(
        """
        SELECT pg_try_advisory_xact_lock(%s) AND NOT EXISTS (
            SELECT FROM bandit_memory WHERE aged_at > clock_timestamp() - %s AND aged_at <= clock_timestamp()
        )
        """,
        [Lock.PUBLISH, every],
    ).fetchone()
    return bool(row and row[0])


def visited(connection: Connection) -> list[str]:
    """The keys of all contexts in which anything was learned, this installation's or another's."""
    rows = connection.execute("SELECT DISTINCT context_key FROM bandit_states ORDER BY context_key")
    return [key for (key,) in rows]


def complete_contexts(connection: Connection, contexts: Sequence[str], settings: Settings) -> None:
    """Gives every configured arm a cell in each context that has learned anything, as the guide's readers expect."""
    connection.execute(
        """
        INSERT INTO bandit_states
            (context_key, algorithm, prior_alpha, prior_beta, alpha, beta, total_pulls, total_successes,
             total_failures, created_at, updated_at)
        SELECT context_key, arm, %(alpha)s, %(beta)s, %(alpha)s, %(beta)s, 0, 0, 0, now(), now()
        FROM (SELECT DISTINCT context_key FROM bandit_states WHERE context_key = ANY(%(keys)s)) AS known
        CROSS JOIN unnest(%(arms)s::text[]) AS arm
        WHERE NOT EXISTS ( -- a row that conflicts would take a number from the sequence
            SELECT FROM bandit_states AS s WHERE (s.context_key, s.algorithm) = (known.context_key, arm)
        )
        ORDER BY context_key, arm
        ON CONFLICT (context_key, algorithm) WHERE position('|' IN context_key) > 0 DO NOTHING
        """,
        {
            "alpha": settings.prior_alpha,
            "beta": settings.prior_beta,
            "keys": list(contexts),
            "arms": list(settings.arms),
        },
    )


def published(connection: Connection, contexts: Sequence[str], arms: Sequence[str]) -> Reals:
    """The probabilities that serving draws from, (contexts, arms); nan where nothing is published."""
    rows = connection.execute("SELECT context_key, algorithm, probability FROM bandit_posteriors")
    known = {(context_key, arm): probability for context_key, arm, probability in rows}
    return np.array([[known.get((context, arm), np.nan) for arm in arms] for context in contexts])


def newest_version(connection: Connection) -> int | None:
    """The version that serving draws from; None before the first."""
    row = connection.execute("SELECT max(version) FROM bandit_posteriors").fetchone()
    return row[0] if row else None


def write(connection: Connection, edition: Edition) -> int | None:
    """Ages the service, publishes the contexts that moved as one new version, and keeps what all written ones remember.

    A context that did not move keeps its probabilities, and the version that they were published in; None when none
    moved. The cells of retired arms have probability 0, and go on from what they remember when the arm comes back.
    """
    connection.execute(
        "UPDATE bandit_posteriors SET probability = 0 WHERE algorithm <> ALL(%s) AND probability <> 0",
        [list(edition.recorded.arms)],
    )
    connection.execute(
        """
        INSERT INTO bandit_memory (long_age, short_age, traffic_age, aged_at) VALUES (%s, %s, %s, clock_timestamp())
        ON CONFLICT (only_row) DO UPDATE SET long_age = excluded.long_age, short_age = excluded.short_age,
            traffic_age = excluded.traffic_age, aged_at = excluded.aged_at
        """,
        [float(getattr(edition.ages, name)) for name in Ages.__slots__],
    )
    version = _publish(connection, edition) if any(edition.moved) else None
    _remember(connection, edition)
    return version


def _publish(connection: Connection, edition: Edition) -> int:
    learned = edition.learned
    row = connection.execute(
        """
        WITH version AS MATERIALIZED (SELECT nextval('bandit_posterior_version') AS number)
        INSERT INTO bandit_posteriors
            (version, published_at, context_key, algorithm, alpha, beta, probability,
             discounted_successes, discounted_failures, seen_successes, seen_failures)
        SELECT version.number, clock_timestamp(), cell.*, 0, 0, 0, 0
        FROM version CROSS JOIN unnest(%s::text[], %s::text[], %s::float8[], %s::float8[], %s::float8[]) AS cell
        ON CONFLICT (context_key, algorithm) DO UPDATE SET
            version = excluded.version, published_at = excluded.published_at,
            alpha = excluded.alpha, beta = excluded.beta, probability = excluded.probability
        RETURNING version
        """,
        _cells(edition, edition.moved, learned.posterior.alpha, learned.posterior.beta, learned.probability),
    ).fetchone()
    assert row is not None  # noqa: S101 # at least one context moved
    return int(row[0])


def _remember(connection: Connection, edition: Edition) -> None:
    recorded, memory = edition.recorded, edition.memory
    ages = [np.broadcast_to(getattr(edition.ages, name), recorded.successes.shape) for name in Ages.__slots__]
    kept = [getattr(memory, name) for name in Memory.__slots__]
    connection.execute(
        """
        UPDATE bandit_posteriors AS posterior SET
            seen_successes = cell.seen_successes, seen_failures = cell.seen_failures,
            discounted_successes = cell.long_successes, discounted_failures = cell.long_failures,
            short_successes = cell.short_successes, short_failures = cell.short_failures,
            short_squares = cell.short_squares, short_cross = cell.short_cross, traffic = cell.traffic,
            long_age = cell.long_age, short_age = cell.short_age, traffic_age = cell.traffic_age,
            history_successes = cell.history_successes, history_failures = cell.history_failures
        FROM unnest(
            %s::text[], %s::text[], %s::int[], %s::int[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
            %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
            %s::float8[]
        ) AS cell (context_key, algorithm, seen_successes, seen_failures, long_successes, long_failures,
            short_successes, short_failures, short_squares, short_cross, traffic, long_age, short_age, traffic_age,
            history_successes, history_failures)
        WHERE posterior.context_key = cell.context_key AND posterior.algorithm = cell.algorithm
        """,
        _cells(edition, edition.written, recorded.successes, recorded.failures, *kept, *ages, *edition.history),
    )


def _cells(edition: Edition, flags: Sequence[bool], *columns: Reals) -> Sequence[Sequence[object]]:
    """The keys, arms and values of the flagged contexts' cells, one list a column."""
    rows = np.flatnonzero(flags)
    arms = edition.recorded.arms
    keys = [edition.recorded.contexts[row] for row in rows for _ in arms]
    return [keys, list(arms) * len(rows), *(column[rows].ravel().tolist() for column in columns)]


def record(connection: Connection, forgettings: Sequence[Forgetting]) -> None:
    """Keeps what was forgotten, and when, for people to see."""
    for told in forgettings:
        connection.execute(
            "INSERT INTO bandit_forgettings VALUES (clock_timestamp(), %s, %s, %s, %s)",
            [told.arm, told.z, told.before, told.after],
        )


def forgettings(connection: Connection, since: datetime, until: datetime) -> list[tuple[datetime, Forgetting]]:
    """What was forgotten in [since, until), oldest first."""
    rows = connection.execute(
        "SELECT at, arm, z, before, after FROM bandit_forgettings WHERE at >= %s AND at < %s ORDER BY at, arm",
        [since, until],
    )
    return [(at, Forgetting(*told)) for at, *told in rows]
