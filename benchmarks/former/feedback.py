"""Version 1.0: the feedback message that the consumer reads."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from bandit_selector.errors import InvalidMessage
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

Action = Literal["click", "rating", "thumbs_up", "thumbs_down"]


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. A moment in UTC, as in our own messages, is returned unchanged."""
    return moment.astimezone(UTC) if moment.utcoffset() else moment


Id = Annotated[int, Field(gt=0, lt=2**31)]
EventId = Annotated[int, Field(gt=0, lt=2**63)]
# Bounded and in UTC, because PostgreSQL refuses offsets beyond 16 hours and Python cannot read years beyond its own.
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC)),
    AfterValidator(in_utc),
]
Stars = Annotated[float, Field(ge=0.5, le=5.0, multiple_of=0.5, description="0.5 to 5.0 in halves")]


class Message(BaseModel):
    """One reaction of a visitor to one movie, in the form that the queue holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    message_id: UUID
    action: Action
    user_id: Id
    movie_id: Id | None = None
    event_id: EventId | None = None
    rating: Stars | None = None
    occurred_at: Moment
    received_at: Moment

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.movie_id is None and self.event_id is None:
            raise ValueError("name the movie_id or the event_id that the feedback is about")
        if (self.rating is None) == (self.action == "rating"):
            raise ValueError(f"the action {self.action!r} {'needs a' if self.rating is None else 'takes no'} rating")
        return self


MESSAGES: Final = TypeAdapter(list[Message])


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
        return Message.model_validate_json(body)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors())
        return InvalidMessage(f"The feedback message cannot be read ({faults}).")
