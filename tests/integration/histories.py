"""Random histories of impressions and feedback, and their correct tables, computed slowly in plain Python.

The reference follows the rules in words; it must not share code or SQL with the product.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import Rule
from hypothesis import strategies as st

from tests.builders import EPOCH, RULE, Impression

ARMS = ("bandit_svd", "bandit_graph", "hybrid_control", "hybrid_fallback")
KEYS = ("evening|weekend|regular", "night|weekday|power_user")


@dataclass(frozen=True, slots=True)
class History:
    impressions: tuple[Impression, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables that no fault may change: per impression its feedback, per cell its counts."""

    impressions: dict[int, tuple[object, ...]]
    cells: dict[tuple[str, str], tuple[float, ...]]
    unattributed: dict[UUID, str]


minutes = st.integers(0, 12 * 24 * 60).map(lambda count: timedelta(minutes=count))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Few users and movies, so that pairs repeat; times over twelve days, clocks an hour apart."""
    impressions = tuple(
        Impression(
            number + 1,
            draw(st.integers(1, 2)),
            draw(st.integers(1, 3)),
            draw(st.sampled_from(ARMS)),
            draw(st.sampled_from(KEYS)),
            EPOCH + draw(minutes),
        )
        for number in range(draw(st.integers(1, 12)))
    )
    messages = tuple(draw(_message(number, len(impressions))) for number in range(draw(st.integers(0, 20))))
    return History(impressions, messages)


@st.composite
def _message(draw: st.DrawFn, number: int, impressions: int) -> Message:
    action = draw(st.sampled_from(("click", "rating", "thumbs_up", "thumbs_down")))
    by_event = draw(st.booleans())
    received = EPOCH + draw(minutes)
    return Message(
        message_id=UUID(int=draw(st.integers(0, 2**32)) << 32 | number),
        action=action,
        user_id=draw(st.integers(1, 2)),
        movie_id=None if by_event else draw(st.integers(1, 3)),
        event_id=draw(st.integers(1, impressions + 2)) if by_event else None,
        rating=draw(st.integers(1, 10)) / 2 if action == "rating" else None,
        occurred_at=received - timedelta(minutes=draw(st.sampled_from((0, 1, 60)))),
        received_at=received,
    )


def truth(history: History, rule: Rule = RULE) -> Tables:
    """The tables after every message is applied and every impression is settled."""
    heard: dict[int, list[Message]] = defaultdict(list)
    unattributed: dict[UUID, str] = {}
    for message in history.messages:
        target = _target(message, history.impressions, rule)
        if isinstance(target, str):
            unattributed[message.message_id] = target
        else:
            heard[target].append(message)
    impressions = {shown.id: _feedback(heard[shown.id], rule) for shown in history.impressions}
    cells: dict[tuple[str, str], list[float]] = defaultdict(lambda: [rule.prior_alpha, rule.prior_beta, 0, 0, 0])
    for shown in history.impressions:
        outcome = impressions[shown.id][-1]
        if shown.algorithm.startswith("bandit_") and outcome is not None:
            success, failure = outcome == "success", outcome == "failure"
            cell = cells[shown.context_key, shown.algorithm.removeprefix("bandit_")]
            cell[:] = [a + b for a, b in zip(cell, (success, failure, 1, success, failure), strict=True)]
    return Tables(impressions, {key: tuple(cell) for key, cell in cells.items()}, unattributed)


def _target(message: Message, impressions: Sequence[Impression], rule: Rule) -> int | str:
    if message.event_id is not None:
        named = [shown for shown in impressions if shown.id == message.event_id]
        if not named:
            return "unknown_impression"
        if named[0].user_id != message.user_id:
            return "foreign_impression"
        late = message.received_at - named[0].created_at > rule.window
        return "outside_window" if late else named[0].id
    before = [
        (shown.created_at, shown.id)
        for shown in impressions
        if (shown.user_id, shown.movie_id) == (message.user_id, message.movie_id)
        and timedelta(0) <= message.received_at - shown.created_at <= rule.window
    ]
    return max(before)[1] if before else "unknown_impression"


def _feedback(messages: Sequence[Message], rule: Rule) -> tuple[object, ...]:
    """(clicked_at, rating, thumbs up, thumbs down, outcome) of one impression."""
    in_order = sorted(messages, key=lambda message: (message.occurred_at, message.message_id))
    clicks = [message.occurred_at for message in in_order if message.action == "click"]
    ratings = [message.rating for message in in_order if message.action == "rating" and message.rating]
    thumbs = [message.action for message in in_order if message.action.startswith("thumbs")]
    rating, thumb = (ratings or [None])[-1], (thumbs or [None])[-1]
    outcome = "failure" if rule.silence_counts else None
    if rating is not None:
        outcome = "neutral"
    if clicks or thumb == "thumbs_up" or (rating is not None and rating >= rule.success):
        outcome = "success"
    if thumb == "thumbs_down" or (rating is not None and rating <= rule.failure):
        outcome = "failure"
    return min(clicks, default=None), rating, thumb == "thumbs_up", thumb == "thumbs_down", outcome


def tables(connection: Connection) -> Tables:
    """The database's actual tables."""
    impressions = connection.execute(
        "SELECT id, clicked_at, rating_value, thumbs_up, thumbs_down, outcome FROM recommendation_events"
    )
    cells = connection.execute(
        "SELECT context_key, algorithm, alpha, beta, total_pulls, total_successes, total_failures FROM bandit_states"
        " WHERE total_pulls > 0"
    )
    lost = connection.execute("SELECT message_id, reason FROM feedback_events WHERE event_id IS NULL")
    return Tables(
        {row[0]: row[1:] for row in impressions.fetchall()},
        {(row[0], row[1]): row[2:] for row in cells.fetchall()},
        dict(lost.fetchall()),
    )
