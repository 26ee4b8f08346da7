"""Random histories of impressions and feedback, and their correct tables, computed slowly in plain Python.

The reference follows the rules in words; it must not share code or SQL with the product.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import Rule
from hypothesis import strategies as st

from tests.builders import EPOCH, RULE, Impression

DAY = timedelta(days=1)
CLOCKS = (timedelta(0), timedelta(minutes=-10), timedelta(hours=-23), timedelta(hours=23), -2 * DAY, 2 * DAY)
ARMS = ("bandit_svd", "bandit_graph")
EPOCH_LIST = Impression(65_000).list_id
KEYS = ("evening|weekend|regular", "night|weekday|power_user")


@dataclass(frozen=True, slots=True)
class History:
    impressions: tuple[Impression, ...]
    messages: tuple[Message, ...]

    @property
    def lists(self) -> list[tuple[Impression, ...]]:
        """The impressions, list by list: a list becomes visible as a whole."""
        in_order = sorted(self.impressions, key=lambda one: one.id)
        return [tuple(places) for _, places in groupby(in_order, key=lambda one: one.list_id)]


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables that no fault may change: per impression its feedback, per cell its counts."""

    impressions: dict[int, tuple[object, ...]]
    cells: dict[tuple[str, str], tuple[float, ...]]
    unattributed: dict[UUID, str]


minutes = st.integers(0, 12 * 24 * 60).map(lambda count: timedelta(minutes=count))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Few users and movies, so that impressions of one pair abound; times over twelve days, clocks an hour apart.

    Lists have one to three places. A list of the bandit draws an arm for each place, the others have one algorithm. A
    third of them are selections, which have no movies; control's have arms that teach nothing.
    """
    impressions = tuple(one for number in range(draw(st.integers(1, 8))) for one in draw(_list(number + 1)))
    messages = tuple(draw(_message(number, impressions)) for number in range(draw(st.integers(0, 20))))
    return History(impressions, messages)


@st.composite
def _list(draw: st.DrawFn, number: int) -> list[Impression]:
    bandit = draw(st.booleans())
    whole = draw(st.sampled_from(("hybrid_control", "hybrid_fallback")))
    key, user, at = draw(st.sampled_from(KEYS)), draw(st.integers(1, 2)), EPOCH + draw(minutes)
    silence = draw(st.sampled_from(("shown", "shown", "seen", "off")))
    counted = draw(st.sampled_from((None, None, 0, 2)))
    movies = draw(
        st.one_of(
            st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True),
            st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True),
            st.integers(1, 3).map(lambda places: [None] * places),
        )
    )
    return [
        Impression(
            number, user, movie, draw(st.sampled_from(ARMS)) if bandit else whole, key, at, place, silence, counted
        )
        for place, movie in enumerate(movies, start=1)
    ]


@st.composite
def _message(draw: st.DrawFn, number: int, impressions: Sequence[Impression]) -> Message:
    action = draw(st.sampled_from(("click", "rating", "thumbs_up", "thumbs_down", "thumbs_off", "seen")))
    by_event = action == "seen" or draw(st.booleans())
    received = EPOCH + draw(minutes)
    meant = draw(st.sampled_from([one.id for one in impressions] + [7, EPOCH_LIST * 64 + 1]))
    return Message(
        message_id=draw(_message_id(number, received)),
        action=action,
        user_id=draw(st.integers(1, 2)),
        movie_id=None if by_event else draw(st.integers(1, 3)),
        event_id=(meant >> 6 << 6 or 64 if action == "seen" else meant) if by_event else None,
        rating=draw(st.integers(1, 10)) / 2 if action == "rating" else None,
        seen=draw(st.integers(1, 31)) if action == "seen" else None,
        occurred_at=received - timedelta(minutes=draw(st.sampled_from((0, 1, 60)))),
        received_at=received,
    )


@st.composite
def _message_id(draw: st.DrawFn, number: int, received: datetime) -> UUID:
    """Half of them carry their time, by a visitor's clock that may be wrong by a day and more."""
    if draw(st.booleans()):
        return UUID(int=draw(st.integers(0, 2**32)) << 32 | number)
    at = received + draw(st.sampled_from(CLOCKS))
    return UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | number)


def truth(history: History, rule: Rule = RULE) -> Tables:
    """The tables once every message was applied and every list's silence is over."""
    heard: dict[int, list[Message]] = defaultdict(list)
    seen: set[int] = set()
    unattributed: dict[UUID, str] = {}
    for message in history.messages:
        target = _target(message, history.impressions, rule)
        if isinstance(target, str):
            unattributed[message.message_id] = target
        elif message.seen is not None:
            seen |= {
                one.id for one in history.impressions if one.list_id * 64 == target and message.seen >> one.place & 1
            }
        else:
            heard[target].append(message)
    impressions = {one.id: _feedback(one, heard[one.id], one.id in seen, rule) for one in history.impressions}
    cells: dict[tuple[str, str], list[float]] = defaultdict(lambda: [rule.prior_alpha, rule.prior_beta, 0, 0, 0])
    for shown in history.impressions:
        outcome = impressions[shown.id][-1]
        counts = shown.counted_places is None or shown.place <= shown.counted_places
        if shown.algorithm.startswith("bandit_") and outcome is not None and counts:
            success, failure = outcome == "success", outcome == "failure"
            cell = cells[shown.context_key, shown.algorithm.removeprefix("bandit_")]
            cell[:] = [a + b for a, b in zip(cell, (success, failure, 1, success, failure), strict=True)]
    return Tables(impressions, {key: tuple(cell) for key, cell in cells.items()}, unattributed)


def _target(message: Message, impressions: Sequence[Impression], rule: Rule) -> int | str:
    carried = time_of(message)
    if carried and abs(carried - message.received_at) > DAY:
        return "contradictory_id"
    if message.event_id is not None:
        of_list = message.seen is not None
        named = [one for one in impressions if (one.list_id * 64 if of_list else one.id) == message.event_id]
        if not named or (carried and carried < named[0].created_at - DAY):
            return "unknown_impression"
        if named[0].user_id != message.user_id:
            return "foreign_impression"
        late = message.received_at - named[0].created_at > rule.window
        return "outside_window" if late else message.event_id
    before = [
        (shown.created_at, shown.id)
        for shown in impressions
        if (shown.user_id, shown.movie_id) == (message.user_id, message.movie_id)
        and timedelta(0) <= message.received_at - shown.created_at <= rule.window
    ]
    return max(before)[1] if before else "unknown_impression"


def time_of(message: Message) -> datetime | None:
    """The time that an id of version 7 carries."""
    if message.message_id.version != 7:
        return None
    return datetime.fromtimestamp((message.message_id.int >> 80) / 1000, UTC)


def _feedback(shown: Impression, messages: Sequence[Message], seen: bool, rule: Rule) -> tuple[object, ...]:
    """(clicked_at, rating, thumbs up, thumbs down, seen, outcome) of one impression."""
    in_order = sorted(messages, key=lambda message: (message.occurred_at, message.message_id))
    clicks = [message.occurred_at for message in in_order if message.action == "click"]
    ratings = [message.rating for message in in_order if message.action == "rating" and message.rating]
    thumbs = [message.action for message in in_order if message.action.startswith("thumbs")]
    rating, thumb = (ratings or [None])[-1], (thumbs or [None])[-1]
    outcome = "failure" if shown.silence == "shown" or (shown.silence == "seen" and seen) else None
    if rating is not None:
        outcome = "neutral"
    if clicks or thumb == "thumbs_up" or (rating is not None and rating >= rule.success):
        outcome = "success"
    if thumb == "thumbs_down" or (rating is not None and rating <= rule.failure):
        outcome = "failure"
    is_seen = seen or bool(messages)
    return min(clicks, default=None), rating, thumb == "thumbs_up", thumb == "thumbs_down", is_seen, outcome


def tables(connection: Connection) -> Tables:
    """The database's actual tables."""
    impressions = connection.execute(
        "SELECT id, clicked_at, rating_value, thumbs_up, thumbs_down, seen, outcome FROM recommendation_events"
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
