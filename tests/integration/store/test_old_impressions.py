"""Impressions from before lists, mixed with lists: any order, duplicates and consumers end in the same tables."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import apply
from bandit_selector.store.verification import first_difference
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.builders import EPOCH, RULE, Impression, message, show, truncate
from tests.integration.histories import History, Tables, histories, tables, truth
from tests.integration.store.test_exactly_once import END, SAME_DATABASE, at_once, settle_all

DAYS = st.integers(0, 12).map(lambda days: EPOCH + timedelta(days=days))


def old_id(one: Impression) -> int:
    return one.number * 64 + one.place


def show_as_before(connection: Connection, impressions: Iterable[Impression]) -> None:
    """Records impressions by the statement of the version before lists."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO recommendation_events
                (id, user_id, movie_id, algorithm, context, propensity, created_at, position, recommendation_id)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    *(old_id(one), one.user_id, one.movie_id, one.algorithm, Jsonb({"context_key": one.context_key})),
                    0.5 if one.algorithm.startswith("bandit_") else None,
                    *(one.created_at, one.place, UUID(int=one.number)),
                )
                for one in impressions
            ],
        )


def as_before(history: History, migrated_at: datetime) -> tuple[History, dict[int, int]]:
    """The history in which every list before a moment is of the former version, and its impressions' ids there.

    The former version knew no selections: they are of this version at any moment. Messages that name one of its
    impressions carry no time here: of these, all are read.
    """

    def is_old(one: Impression) -> bool:
        return one.created_at < migrated_at and one.movie_id is not None

    impressions = tuple(
        replace(one, silence="shown", counted_places=None) if is_old(one) else one for one in history.impressions
    )
    ids = {one.id: old_id(one) for one in impressions if is_old(one)}
    old_lists = {event_id >> 6 for event_id in ids}
    messages = tuple(
        one.model_copy(update={"message_id": UUID(int=1 << 100 | number)}) if one.event_id in ids else one
        for number, one in enumerate(history.messages, start=1)
        if one.seen is None or (one.event_id or 0) >> 6 not in old_lists
    )
    return History(impressions, messages), ids


def renamed(found: Tables, ids: dict[int, int]) -> Tables:
    """With the former ids; what was seen is not known of the former version's impressions."""
    impressions = {
        ids.get(event_id, event_id): (*row[:4], False, row[5]) if event_id in ids else row
        for event_id, row in found.impressions.items()
    }
    return replace(found, impressions=impressions)


def about(said: Message, ids: dict[int, int]) -> Message:
    return said.model_copy(update={"event_id": ids.get(said.event_id or 0, said.event_id)})


@settings(SAME_DATABASE, max_examples=15)
@given(history=histories(), migrated_at=DAYS, data=st.data())
def test_any_order_of_old_and_new_ends_in_the_same_tables(
    connection: Connection, history: History, migrated_at: datetime, data: st.DataObject
) -> None:
    truncate(connection)
    mixed, ids = as_before(history, migrated_at)
    repeated = data.draw(st.lists(st.sampled_from(mixed.messages), max_size=5)) if mixed.messages else []
    for step in data.draw(st.permutations([*mixed.lists, *mixed.messages, *repeated])):
        if not isinstance(step, tuple):
            apply(connection, [about(one, ids) for one in (step, *repeated)], RULE, END)
        elif step[0].id in ids:
            show_as_before(connection, step)
        else:
            show(connection, step)
    settle_all(connection)
    assert tables(connection) == renamed(truth(mixed), ids)
    assert first_difference(connection) is None


def test_batches_with_old_and_new_impressions_do_not_lock_each_other_out(
    connection: Connection, database_url: str
) -> None:
    """Each batch has old impressions of its own cell and new ones of every cell, all shown in one hour."""
    consumers, each = 4, 40
    algorithms = [f"bandit_arm{number}" for number in range(consumers)]
    places = [(share, turn) for share in range(consumers) for turn in range(each)]
    old = [Impression(1 + share * each + turn, 1, 1, algorithms[share]) for share, turn in places]
    new = [Impression(1001 + share * each + turn, 1, 1, algorithms[turn % consumers]) for share, turn in places]
    show_as_before(connection, old)
    show(connection, new)
    settle_all(connection)
    clicks = [message(one.number, event_id=old_id(one)) for one in old] + [
        message(one.number, event_id=one.id) for one in new
    ]

    def consume(own: Connection, share: Sequence[Message]) -> None:
        for start in range(0, each, 2):
            half = [*share[start : start + 2], *share[each + start : each + start + 2]]
            apply(own, half, RULE, END)

    with ExitStack() as stack:
        opened = [stack.enter_context(connect(database_url)) for _ in range(consumers)]
        shares = [
            clicks[each * n : each * (n + 1)] + clicks[len(old) :][each * n : each * (n + 1)] for n in range(consumers)
        ]
        at_once([lambda own=own, share=share: consume(own, share) for own, share in zip(opened, shares, strict=True)])
    assert connection.execute("SELECT sum(total_successes) FROM bandit_states").fetchone() == (2 * len(old),)
    assert first_difference(connection) is None
