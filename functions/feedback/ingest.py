"""POST /analytics/track/*: a reaction in, 202 once the queue has it. Never touches the database."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from random import SystemRandom
from typing import Annotated, Any, Final, Self, cast

import boto3
from bandit_selector.errors import QueueUnavailable
from bandit_selector.feedback import PLACES, Action, EventId, Id, Message, Moment, Stars, by_list, new_message_id
from bandit_selector.quota import NO_QUOTA, Quota
from bandit_selector.settings import read_settings
from bandit_selector.snapstart import forget_at_snapshot
from bandit_selector.telemetry import SERVICE, Telemetry
from bandit_selector.web import (
    Event,
    HttpAnswer,
    answer,
    answers_problems,
    caller,
    path_of,
    problem,
    read_body,
    received_at,
)
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SETTINGS: Final = read_settings()
TELEMETRY: Final = Telemetry("ingest")
QUOTA: Final = Quota(SETTINGS.max_places_per_visitor)
ACTIONS: Final[dict[str, Action]] = {
    "click": "click",
    "rating": "rating",
    "thumbs-up": "thumbs_up",
    "thumbs-down": "thumbs_down",
    "seen": "seen",
}
LONGEST_LIST: Final = 50
AT_ONCE: Final = 10
"""Messages that SQS takes in one request."""
SEND: Final = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent=SERVICE,  # botocore builds its own name again for each message
)


class Reaction(BaseModel):
    """The body of a tracking call; fields it does not name are ignored, as the site's front end may send more."""

    model_config = ConfigDict(frozen=True)

    user_id: Id
    movie_id: Id | None = None
    event_id: EventId | None = None
    occurred_at: Moment | None = None

    @model_validator(mode="after")
    def _names_its_movie(self) -> Self:
        if self.movie_id is None and self.event_id is None:
            raise ValueError("send the event_id of the movie shown, or its movie_id")
        return self


class Rating(Reaction):
    """The body of a rating."""

    rating: Stars


def of_a_place(event_id: int) -> int:
    if not 1 <= event_id % PLACES <= LONGEST_LIST:
        raise ValueError(f"this is not the event_id of a movie shown, whose place is 1 to {LONGEST_LIST}")
    return event_id


class Seen(BaseModel):
    """The body that says which of the movies shown the visitor has had in view."""

    model_config = ConfigDict(frozen=True)

    user_id: Id
    event_ids: Annotated[
        list[Annotated[EventId, AfterValidator(of_a_place)]], Field(min_length=1, max_length=LONGEST_LIST)
    ]
    occurred_at: Moment | None = None


BODIES: Final[dict[Action, type[Reaction | Seen]]] = {"rating": Rating, "seen": Seen}
"""The body of each action that is not a plain Reaction."""


@TELEMETRY.flushing
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> HttpAnswer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, _send, QUOTA)


def respond(event: Event, send: Callable[[Sequence[Message]], None], quota: Quota = NO_QUOTA) -> HttpAnswer:
    """{"status": "tracked"} once `send` has put the reaction into the queue; raises the product's errors."""
    action = ACTIONS.get(path_of(event).get("action", ""))
    if action is None:
        return problem(404, "Unknown action", f"Track one of {', '.join(ACTIONS)}.")
    request = read_body(event, BODIES.get(action, Reaction))
    asking = caller(event, SETTINGS.user_id_claim)
    asking.acts_for(request.user_id)
    messages = as_messages(action, request, received_at(event))
    if not asking.is_service:
        quota.take(asking.subject, len(messages), received_at(event))
    send(messages)
    TELEMETRY.count("FeedbackAccepted", len(messages))
    return answer(202, {"status": "tracked", "action": action})


def as_messages(action: Action, request: Reaction | Seen, received: datetime) -> list[Message]:
    """What goes into the queue: a reaction is one message, what was seen one per list.

    A visitor's clock may lag, but what it says happened has happened.
    """
    given = request.model_dump(exclude={"occurred_at", "event_ids"})
    of_lists = by_list(request.event_ids).items() if isinstance(request, Seen) else ()
    about: list[dict[str, Any]] = [{"event_id": event_id, "seen": seen} for event_id, seen in of_lists]
    occurred = min(request.occurred_at or received, received)
    return [
        Message(
            message_id=new_message_id(received, SystemRandom()),
            action=action,
            occurred_at=occurred,
            received_at=received,
            **given,
            **each,
        )
        for each in about or [{}]
    ]


@cache
def _queue() -> Any:
    return cast("Any", boto3.client("sqs", config=SEND))


forget_at_snapshot(_queue.cache_clear)


def _send(messages: Sequence[Message]) -> None:
    """Returns once SQS has every message; raises QueueUnavailable. Sent again, they change nothing."""
    bodies = [message.model_dump_json(exclude_none=True) for message in messages]
    try:
        refused = [fault for first in range(0, len(bodies), AT_ONCE) for fault in _put(bodies[first : first + AT_ONCE])]
    except (BotoCoreError, ClientError) as error:
        raise QueueUnavailable(f"The feedback was not taken, send it again: {error}") from error
    if refused:
        raise QueueUnavailable(f"The feedback was not taken, send it again: {refused[0]}")


def _put(bodies: Sequence[str]) -> list[Any]:
    """One request; returns what SQS says of the messages that it did not take."""
    url = SETTINGS.feedback_queue_url
    if len(bodies) == 1:
        _queue().send_message(QueueUrl=url, MessageBody=bodies[0])
        return []
    entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
    return _queue().send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
