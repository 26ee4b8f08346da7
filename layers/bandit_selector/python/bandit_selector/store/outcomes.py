"""From feedback to outcomes to learned counts, exactly once: every write to reactions, settled lists and bandit_states.

One transaction takes its locks in one order, in every process: its turn (take_turn), what the site's application said,
lists by id, messages by id, cells, sums, visitors. Who moves messages is alone, and needs no order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bandit_selector.feedback import Message
from bandit_selector.store import set_aside
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.feedback_rule import Change, Rule, ids, span
from bandit_selector.store.folding import fold, is_impression, see, settle_lists
from bandit_selector.store.locks import Lock
from bandit_selector.store.messages import Moved, count, has_moves, reattribute

TURNS: Final = 3
"""How many transactions settle neighbouring lists. A settled list leaves its former version on its page until the next
transaction; with as many turns, a third of a page is room enough (see bandit_make_partitions)."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch did: messages never seen before, those of them that found no impression, and the cells moved."""

    new: int
    unattributed: int
    changes: tuple[Change, ...]


def apply(connection: Connection, messages: Sequence[Message], rule: Rule, now: datetime) -> Applied:
    """Counts each message once, whatever was delivered before; one transaction, however many messages."""
    with transaction(connection):
        _take_turn_for(connection, messages, min((one.received_at for one in messages), default=now) - rule.window)
        counted = count(connection, messages, rule, now)
        changes = counted.changes + _fold_locked(connection, counted.left, rule, now)
    return Applied(counted.new, counted.unattributed, tuple(changes))


def settle(
    connection: Connection, shown_before: datetime, rule: Rule, now: datetime, limit: int, turn: int | None = None
) -> int:
    """Settles up to `limit` lists shown before a moment, each exactly once; returns how many.

    Settling gives a list the feedback that was received before the list became visible, and makes silence a failure.
    While another process settles, this does nothing and returns 0. With a `turn` below TURNS, only every third list.
    """
    with transaction(connection):
        row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [Lock.SETTLE]).fetchone()
        due = _due(connection, shown_before, limit, turn) if row and row[0] else []
        if due:
            _settle(connection, due, rule, now)
    return len(due)


def _due(connection: Connection, shown_before: datetime, limit: int, turn: int | None) -> list[int]:
    rows = connection.execute(
        """
        SELECT list_id FROM bandit_unsettled
        WHERE created_at < %(before)s AND (%(turn)s::integer IS NULL OR list_id %% %(turns)s = %(turn)s::integer)
        ORDER BY list_id LIMIT %(limit)s
        """,
        {"before": shown_before, "turn": turn, "turns": TURNS, "limit": limit},
    )
    return [list_id for (list_id,) in rows]


def _settle(connection: Connection, due: Sequence[int], rule: Rule, now: datetime) -> None:
    old, lists = set_aside.parted(due)
    moves = has_moves(connection, lists, old, rule.window)
    take_turn(connection, alone=bool(old) or moves)
    moved = reattribute(connection, lists, old, rule.window) if moves else Moved([], {})
    lock_lists(connection, {*lists, *_lists_of(moved.events)})
    _fold_locked(connection, moved, rule, now)
    if old:
        set_aside.fold(connection, old, old, rule, now)
    if lists:
        settle_lists(connection, lists, rule, now)
    connection.execute("DELETE FROM bandit_unsettled WHERE list_id = ANY(%s::bigint[])", [ids(due)])


def _fold_locked(connection: Connection, moved: Moved, rule: Rule, now: datetime) -> list[Change]:
    old, new = set_aside.parted(moved.events)
    changes = set_aside.fold(connection, old, [], rule, now) if old else []
    changes += fold(connection, new, rule, now) if any(map(is_impression, new)) else []
    return changes + (see(connection, moved.seen, rule, now) if moved.seen else [])


def _lists_of(events: Sequence[int]) -> set[int]:
    return {event_id >> 6 for event_id in events if not set_aside.is_old(event_id)}


def lock_lists(connection: Connection, lists: Collection[int]) -> None:
    """Locks lists in the order of their ids, in a statement of its own: the next one sees what was committed before.

    The caller has taken its turn.
    """
    if lists:
        connection.execute(
            """
            SELECT FROM bandit_lists AS l
            WHERE l.id = ANY(%(lists)s::bigint[]) AND l.created_at >= %(since)s AND l.created_at < %(until)s
            ORDER BY l.id FOR NO KEY UPDATE
            """,
            {"lists": ids(sorted(lists)), **span(lists)},
        )


def take_turn(connection: Connection, *, alone: bool) -> None:
    """Before any lock on lists: a transaction that also folds impressions from before lists is `alone`.

    It takes the locks on cells and sums twice, which is no order. So it waits until no other transaction folds, and the
    others wait until it has ended.
    """
    connection.execute(
        "SELECT pg_advisory_xact_lock(%s)" if alone else "SELECT pg_advisory_xact_lock_shared(%s)", [Lock.SET_ASIDE]
    )


def _take_turn_for(connection: Connection, messages: Sequence[Message], since: datetime) -> None:
    """The turn of a batch about impressions shown after `since`: alone if it takes the locks on cells and sums twice.

    That is so if any impression is from before lists, and where places are seen after their silence was a failure.
    """
    seen = {one.event_id >> 6 for one in messages if one.seen and one.event_id}
    connection.execute(
        """
        SELECT CASE
            WHEN EXISTS (
                SELECT FROM recommendation_events_set_aside
                WHERE created_at >= %(shown_after)s AND recommendation_id IS NOT NULL
            ) OR EXISTS (
                SELECT FROM bandit_lists
                WHERE id = ANY(%(seen)s::bigint[]) AND created_at >= %(since)s AND created_at < %(until)s
                    AND settled_at IS NOT NULL AND silence = 'seen'
            ) THEN pg_advisory_xact_lock(%(lock)s::bigint)
            ELSE pg_advisory_xact_lock_shared(%(lock)s::bigint)
        END
        """,
        {"shown_after": since, "seen": ids(sorted(seen)), **span(seen or {0}), "lock": Lock.SET_ASIDE},
    )
