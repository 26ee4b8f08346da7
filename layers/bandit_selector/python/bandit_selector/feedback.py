"""The feedback message that ingest sends and the consumer reads. Knows no queue and no database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from bandit_selector.errors import InvalidMessage

Action = Literal["click", "rating", "thumbs_up", "thumbs_down", "thumbs_off", "seen"]


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. A moment in UTC, as in our own messages, is returned unchanged."""
    return moment.astimezone(UTC) if moment.utcoffset() else moment


Id = Annotated[int, Field(gt=0, lt=2**31)]
EventId = Annotated[int, Field(gt=0, lt=2**63)]
# Bounded and in UTC, because PostgreSQL refuses offsets beyond 16 hours and Python cannot read years beyond its own.
Bounded = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]
Moment = Annotated[Bounded, AfterValidator(in_utc)]
Stars = Annotated[float, Field(ge=0.5, le=5.0, multiple_of=0.5, description="0.5 to 5.0 in halves")]


PLACES: Final = 64
"""An event's id is its list's times this, plus its place from 1 on."""


class Message(BaseModel):
    """One reaction of a visitor to one movie, or what they saw of one list, in the form that the queue holds.

    For the action `seen`, `event_id` is the list's id times 64, and bit n of `seen` stands for place n. Each field is
    checked here. What they are together is checked where messages are read, for a batch by one call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    message_id: UUID
    action: Action
    user_id: Id
    movie_id: Id | None = None
    event_id: EventId | None = None
    rating: Stars | None = None
    seen: Annotated[int, Field(gt=0, lt=2**63)] | None = None
    occurred_at: Bounded
    received_at: Bounded


def _whole(message: Message) -> Message:
    """The message, with its moments in UTC; raises ValueError where its fields contradict each other."""
    event_id, rating, seen, action = message.event_id, message.rating, message.seen, message.action
    if message.movie_id is None and event_id is None:
        raise ValueError("name the movie_id or the event_id that the feedback is about")
    if (rating is None) == (action == "rating"):
        raise ValueError(f"the action {action!r} {'needs a' if rating is None else 'takes no'} rating")
    if (seen is not None) != (action == "seen") or (seen is not None and (event_id is None or event_id % PLACES)):
        raise ValueError("the action 'seen', and no other, needs the places seen and the event_id of their list")
    if message.occurred_at.utcoffset() or message.received_at.utcoffset():
        moments = {"occurred_at": in_utc(message.occurred_at), "received_at": in_utc(message.received_at)}
        return message.model_copy(update=moments)
    return message


def _all_whole(messages: list[Message]) -> list[Message]:
    return [_whole(message) for message in messages]


MESSAGE: Final[TypeAdapter[Message]] = TypeAdapter(Annotated[Message, AfterValidator(_whole)])
MESSAGES: Final[TypeAdapter[list[Message]]] = TypeAdapter(Annotated[list[Message], AfterValidator(_all_whole)])


def read_messages(bodies: Sequence[str]) -> list[Message | InvalidMessage]:
    """Each body's message, or the error that says why it is not a message.

    A batch without faults is parsed at once, which is faster; else each body is parsed alone.
    """
    try:
        messages = MESSAGES.validate_json(f"[{','.join(bodies)}]")
    except ValidationError:
        messages = []
    return list(messages) if len(messages) == len(bodies) else [read_message(body) for body in bodies]


def read_message(body: str) -> Message | InvalidMessage:
    """The message in a queue record's body, or the error that says why it is not a message."""
    try:
        return MESSAGE.validate_json(body)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors())
        return InvalidMessage(f"The feedback message cannot be read ({faults}).")


def by_list(event_ids: Iterable[int]) -> dict[int, int]:
    """{event_id: seen} of the messages that say what was seen, one per list."""
    seen: dict[int, int] = {}
    for event_id in event_ids:
        place = event_id % PLACES
        seen[event_id - place] = seen.get(event_id - place, 0) | 1 << place
    return seen


def new_message_id(now: datetime, randomness: Random) -> UUID:
    """A version 7 UUID (RFC 9562 section 5.7): it sorts by time, which keeps the index of messages compact."""
    milliseconds = int(now.timestamp() * 1000)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | randomness.getrandbits(12) << 64 | 2 << 62 | randomness.getrandbits(62)
    )
