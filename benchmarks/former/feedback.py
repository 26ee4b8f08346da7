"""Version 1.0: the feedback message that the consumer reads, checked message by message."""

from typing import Final, Literal, Self
from uuid import UUID

from bandit_selector.feedback import EventId, Id, Moment, Stars
from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator


class Message(BaseModel):
    """One reaction of a visitor to one movie, in the form that the queue holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    message_id: UUID
    action: Literal["click", "rating", "thumbs_up", "thumbs_down"]
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
