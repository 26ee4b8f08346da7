"""Dropping old events without unlearning: their sums stay, their partitions go. And erasing one visitor."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, LiteralString, TypeVar

from psycopg import Rollback, errors
from psycopg.sql import SQL, Identifier

from bandit_selector.errors import DatabaseUnavailable
from bandit_selector.store import rollups, set_aside
from bandit_selector.store.connection import Connection, unit
from bandit_selector.store.locks import Lock
from bandit_selector.store.outcomes import lock_lists, take_turn

PARENTS: Final = ("bandit_lists", "bandit_reactions", "feedback_events", "bandit_shadows")
TRIES: Final = 600
PAUSE_SECONDS: Final = 0.1
NO_LIST: Final = "NOT EXISTS (SELECT FROM bandit_lists AS l WHERE l.id = f.event_id >> 6)"
T = TypeVar("T")


def make_partitions(
    connection: Connection,
    now: datetime,
    pause: Callable[[float], None],
    ahead: timedelta = timedelta(days=14),
    tries: int = TRIES,
) -> int:
    """Makes the weekly partitions of today and the days `ahead`; returns how many were missing.

    What waits in the default partitions moves. No reader waits behind this: while one uses the default partitions,
    it is tried again after `pause` seconds. Raises DatabaseUnavailable after `tries`.
    """
    with unit(connection):
        until = partitions_until(connection)
    if until and until >= now + ahead:
        return 0
    row = _when_unused(
        connection,
        [f"{parent}_default" for parent in PARENTS],
        pause,
        lambda: connection.execute("SELECT bandit_make_partitions(%s, %s)", [now, now + ahead]).fetchone(),
        tries,
    )
    return int(row[0]) if row else 0


def partitions_until(connection: Connection) -> datetime | None:
    """The end of the newest partition of lists; None without any."""
    row = connection.execute(
        """
        SELECT max(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '7 days')
        FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
        WHERE inhparent = 'bandit_lists'::regclass AND c.relname ~ '_[0-9]{8}$'
        """
    ).fetchone()
    return row[0] if row else None


def prune(connection: Connection, before: datetime, pause: Callable[[float], None]) -> Iterator[str]:
    """Drops what was shown or received before a moment and keeps its sums; yields the name of each table it dropped.

    `before` is the start of a UTC day, because the sums of whole days stay; raises ValueError if it is not. A weekly
    partition goes when all of it is older and settled. Nobody waits: a table in use is tried again after `pause`
    seconds. What is left in the default partitions is deleted.
    """
    if before.utcoffset() is None or before.timestamp() % 86_400:
        raise ValueError(f"Events are pruned by whole UTC days; {before} is not the start of one.")
    with unit(connection):
        connection.execute("UPDATE bandit_retention SET complete_from = greatest(complete_from, %s)", [before])
        over = partitions_before(connection, before)
    for parent, child in over:
        _drop(connection, parent, child, pause)
        yield child
    _delete_from_defaults(connection, before)
    _delete_what_the_site_sees(connection, before)


def _delete_what_the_site_sees(connection: Connection, before: datetime) -> None:
    """Deletes the keys of lists that are gone, and what the site's application said about them, in batches."""
    for table in ("bandit_keys", "bandit_inbox"):
        while _delete_some(connection, table, before):
            pass


def _delete_some(connection: Connection, table: LiteralString, before: datetime) -> int:
    with unit(connection):
        return connection.execute(
            f"DELETE FROM {table} WHERE event_id = ANY(ARRAY(SELECT event_id FROM {table} AS k"  # noqa: S608 # ours
            " WHERE k.event_id >> 6 < bandit_first_list(%s) AND NOT EXISTS (SELECT FROM bandit_lists AS l"
            " WHERE l.id = k.event_id >> 6) LIMIT 10000))".encode(),
            [before],
        ).rowcount


def partitions_before(connection: Connection, before: datetime) -> list[tuple[str, str]]:
    """(parent, partition) of every week that ended before a moment and has no unsettled list, oldest first.

    Messages stay for one day more: a message's id may be a day older than the list that it is about.
    """
    rows = connection.execute(
        """
        WITH child AS (
            SELECT p.relname AS parent, c.relname AS name,
                to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '7 days' AS until
            FROM pg_inherits
            JOIN pg_class AS c ON c.oid = inhrelid JOIN pg_class AS p ON p.oid = inhparent
            WHERE inhparent = ANY(%(parents)s::regclass[])
                AND c.relname ~ '_[0-9]{8}$'
        )
        SELECT parent, name FROM child
        WHERE until + (CASE parent WHEN 'feedback_events' THEN 1 ELSE 0 END) * interval '1 day' <= %(before)s
            AND NOT EXISTS (SELECT FROM bandit_unsettled AS u WHERE u.created_at < child.until)
        ORDER BY until, parent
        """,
        {"parents": list(PARENTS), "before": before},
    )
    return [(parent, name) for parent, name in rows]


def _drop(connection: Connection, parent: str, child: str, pause: Callable[[float], None]) -> None:
    """Drops a partition in a moment when no other process uses it or its table; raises DatabaseUnavailable after TRIES.

    Detached first, and in the same transaction: a process that stops in between leaves no table behind.
    """
    drop = "SELECT bandit_drop_partition(%s, %s)"
    _when_unused(connection, [parent, f"{parent}_default"], pause, lambda: connection.execute(drop, [parent, child]))


def _when_unused(
    connection: Connection,
    tables: Sequence[str],
    pause: Callable[[float], None],
    work: Callable[[], T],
    tries: int = TRIES,
) -> T:
    """Does work in one transaction, in a moment when no other uses these tables; raises DatabaseUnavailable.

    NOWAIT: everybody behind a lock that is waited for would wait, too.
    """
    names = SQL(", ").join(SQL("ONLY {}").format(Identifier(table)) for table in tables)
    for _ in range(tries):
        try:
            with unit(connection), connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.PARTITIONS])
                connection.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT").format(names))
                return work()
        except errors.LockNotAvailable:
            pause(PAUSE_SECONDS)
    raise DatabaseUnavailable(f"The table {tables[-1]} was in use at each of {tries} tries; try again later.")


def _delete_from_defaults(connection: Connection, before: datetime) -> None:
    """Deletes old rows that lie in no weekly partition, and impressions from before lists.

    Lists first, so that nobody counts for them. What another process has locked stays until the next time: to wait for
    it would be out of order.
    """
    with unit(connection), connection.transaction():
        for table, condition in (
            ("bandit_lists_default", "created_at < %(before)s AND settled_at IS NOT NULL"),
            ("bandit_reactions_default", f"shown_at < %(before)s AND {NO_LIST}"),
            ("bandit_shadows_default", "created_at < %(before)s"),
            ("feedback_events_default", f"received_at < %(before)s AND {NO_LIST}"),
            (
                "recommendation_events_set_aside",
                "created_at < %(before)s AND settled_at IS NOT NULL AND recommendation_id IS NOT NULL",
            ),
        ):
            connection.execute(
                f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 # ours
                f"SELECT ctid FROM {table} AS f WHERE {condition} FOR UPDATE SKIP LOCKED))".encode(),
                {"before": before},
            )


def forget_user(connection: Connection, user_id: int, now: datetime) -> int:
    """Erases every row about a visitor in one transaction and keeps what was learned; returns how many impressions.

    A tombstone stays: what was received up to `now` and is delivered later, or again, is dropped. A list that the
    visitor is shown meanwhile stays. What was being counted meanwhile is erased next.
    """
    with unit(connection), connection.transaction():
        _alone(connection)
        while (lists := _locked(connection, user_id)) is None:
            pass
        shown = connection.execute("SELECT count(*) FROM bandit_archive_rows WHERE user_id = %s", [user_id]).fetchone()
        _archive(connection, user_id)
        rollups.forget(connection, user_id)
        set_aside.forget(connection, user_id)
        connection.execute(
            "INSERT INTO bandit_forgotten VALUES (%s, %s)"
            " ON CONFLICT (user_id) DO UPDATE"
            " SET forgotten_at = greatest(bandit_forgotten.forgotten_at, excluded.forgotten_at)",
            [user_id, now],
        )
        _erase(connection, user_id, lists)
    _erase_late(connection, user_id)
    return int(shown[0]) if shown else 0


def _alone(connection: Connection) -> None:
    """Waits until nobody settles, so that no message moves to or from an impression that goes."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.SETTLE])


def _locked(connection: Connection, user_id: int) -> list[int] | None:
    """All lists of a visitor, of whose messages nobody counts any until the transaction ends.

    None, and nothing is locked, if one has come before they were: its messages may be counted already, and to lock it
    now would be out of order.
    """
    with connection.transaction() as attempt:
        lists = _lists_of(connection, user_id)
        take_turn(connection, alone=True)
        lock_lists(connection, lists)
        if _lists_of(connection, user_id) == lists:
            return lists
        raise Rollback(attempt)
    return None


def _lists_of(connection: Connection, user_id: int) -> list[int]:
    rows = connection.execute("SELECT id FROM bandit_lists WHERE user_id = %s ORDER BY id", [user_id])
    return [row[0] for row in rows]


def _archive(connection: Connection, user_id: int) -> None:
    """Keeps what the visitor's lists taught, in their cells' archive: the hourly sums will lack it."""
    connection.execute(
        """
        WITH gone AS (
            SELECT t.context_key, t.arm AS algorithm, count(*) AS pulls,
                count(*) FILTER (WHERE outcome.it = 'success') AS successes,
                count(*) FILTER (WHERE outcome.it = 'failure') AS failures
            FROM bandit_lists AS l
            JOIN bandit_tallies AS t ON t.list_id = l.id AND t.created_at = l.created_at
            CROSS JOIN LATERAL (
                SELECT CASE WHEN l.settled_at IS NULL THEN t.said_outcome ELSE t.settled_outcome END AS it
            ) AS outcome
            WHERE l.user_id = %s AND t.arm IS NOT NULL AND outcome.it IS NOT NULL
            GROUP BY t.context_key, t.arm
        ), cell AS (
            SELECT s.id FROM bandit_states AS s JOIN gone USING (context_key, algorithm)
            ORDER BY s.context_key, s.algorithm FOR UPDATE OF s
        )
        UPDATE bandit_states AS s
        SET archived_pulls = archived_pulls + pulls,
            archived_successes = archived_successes + successes,
            archived_failures = archived_failures + failures
        FROM gone, cell
        WHERE cell.id = s.id AND (s.context_key, s.algorithm) = (gone.context_key, gone.algorithm)
        """,
        [user_id],
    )


def _erase(connection: Connection, user_id: int, lists: Sequence[int]) -> None:
    connection.execute(
        "DELETE FROM bandit_reactions AS r USING unnest(%s::bigint[]) AS gone (id)"
        " WHERE r.event_id BETWEEN gone.id * 64 AND gone.id * 64 + 63 AND r.shown_at = bandit_second(gone.id)",
        [list(lists)],
    )
    connection.execute("DELETE FROM bandit_keys WHERE event_id >> 6 = ANY(%s)", [list(lists)])
    connection.execute("DELETE FROM bandit_inbox WHERE event_id >> 6 = ANY(%s)", [list(lists)])
    connection.execute("DELETE FROM bandit_unsettled WHERE list_id = ANY(%s)", [list(lists)])
    connection.execute("DELETE FROM bandit_lists WHERE user_id = %s AND id = ANY(%s)", [user_id, list(lists)])
    connection.execute("DELETE FROM bandit_shadows WHERE user_id = %s", [user_id])
    connection.execute("DELETE FROM feedback_events WHERE user_id = %s", [user_id])
    connection.execute("DELETE FROM recommendation_candidates WHERE user_id = %s", [user_id])


def _erase_late(connection: Connection, user_id: int) -> None:
    """Erases messages that were written before the tombstone was visible, and committed after the others had gone.

    Waits for whoever is writing messages now; all later ones see the tombstone. The lock that waits is given back
    first, because who attaches a week waits for it and holds the default table. What counts for a new list stays.
    """
    with unit(connection), connection.transaction():
        connection.execute("LOCK TABLE ONLY feedback_events IN SHARE MODE")
    with unit(connection), connection.transaction():
        connection.execute(
            f"""
            DELETE FROM feedback_events AS f USING bandit_forgotten AS gone
            WHERE f.user_id = %s AND gone.user_id = f.user_id AND f.received_at <= gone.forgotten_at AND {NO_LIST}
            """.encode(),  # noqa: S608 # ours
            [user_id],
        )
