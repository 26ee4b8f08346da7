"""POST /analytics/track and /track/*: reactions in, 202 once the queue has them. Never touches the database."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from random import SystemRandom
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, cast

import boto3
from bandit_selector.errors import QueueUnavailable
from bandit_selector.feedback import PLACES, Action, EventId, Id, Message, Moment, Stars, by_list, new_message_id
from bandit_selector.quota import NO_QUOTA, Quota
from bandit_selector.settings import read_settings
from bandit_selector.snapstart import forget_at_snapshot
from bandit_selector.telemetry import GATHER_SECONDS, SERVICE, Telemetry
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
TELEMETRY: Final = Telemetry("ingest", SETTINGS.log_sample, GATHER_SECONDS)
QUOTA: Final = Quota(SETTINGS.max_places_per_visitor)
ACTIONS: Final[dict[str, Action]] = {
    "click": "click",
    "rating": "rating",
    "thumbs-up": "thumbs_up",
    "thumbs-down": "thumbs_down",
    "thumbs-off": "thumbs_off",
    "seen": "seen",
}
SEVERAL: Final = "POST /analytics/track"
EVENT: Final = 2896431235751937
"""The event_id of examples."""
USER: Final = Field(description="The visitor.", examples=[1])
LONGEST_LIST: Final = 50
AT_ONCE: Final = 10
"""Messages that SQS takes in one request."""
SEND: Final = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent=SERVICE,  # botocore builds its own name again for each message
)


Send: TypeAlias = Callable[[Sequence[Message]], None]


class Said(BaseModel):
    """What every reaction says; fields it does not name are ignored, as the site's front end may send more."""

    model_config = ConfigDict(frozen=True)

    occurred_at: Moment | None = Field(
        default=None,
        description="When it happened, if that was before now: for reactions sent late.",
        examples=["2026-06-01T19:30:00Z"],
    )


class About(Said):
    """A reaction to one movie, named by its `event_id`, or else by its `movie_id`: then its newest impression."""

    movie_id: Id | None = Field(default=None, description="The movie, if its `event_id` is not known.", examples=[550])
    event_id: EventId | None = Field(default=None, description="As the list or selection named it.", examples=[EVENT])

    @model_validator(mode="after")
    def _names_its_movie(self) -> Self:
        if self.movie_id is None and self.event_id is None:
            raise ValueError("send the event_id of the movie shown, or its movie_id")
        return self


class Rated(About):
    """A rating of one movie."""

    rating: Stars = Field(examples=[4.5])


class Reaction(About):
    """The body of a click or a thumb."""

    user_id: Id = USER


class Rating(Rated):
    """The body of a rating."""

    user_id: Id = USER


def of_a_place(event_id: int) -> int:
    if event_id < PLACES or not 1 <= event_id % PLACES <= LONGEST_LIST:
        raise ValueError(f"this is not the event_id of a movie shown, whose place is 1 to {LONGEST_LIST}")
    return event_id


class InView(Said):
    """What was shown or in view: of a list, movies that the visitor has had in view; of a selection, places filled."""

    event_ids: Annotated[
        list[Annotated[EventId, AfterValidator(of_a_place)]], Field(min_length=1, max_length=LONGEST_LIST)
    ] = Field(description="As the list or selection named them.", examples=[[EVENT, EVENT + 1]])


class Seen(InView):
    """The body of `seen`."""

    user_id: Id = USER


class Told(About):
    """One click or thumb of several reactions."""

    action: Literal["click", "thumbs-up", "thumbs-down", "thumbs-off"]


class ToldRating(Rated):
    """One rating of several reactions."""

    action: Literal["rating"]


class ToldSeen(InView):
    """What was seen, among several reactions."""

    action: Literal["seen"]


class Reactions(BaseModel):
    """The body of POST /analytics/track: reactions of one visitor, all taken or none."""

    model_config = ConfigDict(frozen=True)

    user_id: Id = USER
    reactions: list[Annotated[Told | ToldRating | ToldSeen, Field(discriminator="action")]] = Field(
        min_length=1,
        max_length=25,
        examples=[[{"action": "click", "event_id": EVENT}, {"action": "rating", "event_id": EVENT, "rating": 4.5}]],
    )


BODIES: Final[dict[Action, type[Reaction | Rating | Seen]]] = {"rating": Rating, "seen": Seen}
"""The body of each action that is not a plain Reaction."""


class Tracked(BaseModel):
    """The reaction is in the queue."""

    status: Literal["tracked"] = "tracked"
    action: Action


class AllTracked(BaseModel):
    """All reactions are in the queue."""

    status: Literal["tracked"] = "tracked"
    reactions: int


@TELEMETRY.handling
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> HttpAnswer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, _send, QUOTA)


def respond(event: Event, send: Send, quota: Quota = NO_QUOTA) -> HttpAnswer:
    """{"status": "tracked"} once `send` has put the reaction into the queue; raises the product's errors."""
    if event["routeKey"] == SEVERAL:
        return _several(event, send, quota)
    action = ACTIONS.get(path_of(event).get("action", ""))
    if action is None:
        return problem(404, "Unknown action", f"Track one of {', '.join(ACTIONS)}.")
    request = read_body(event, BODIES.get(action, Reaction))
    _take(event, request.user_id, as_messages(action, request.user_id, request, received_at(event)), send, quota)
    return answer(202, Tracked(action=action).model_dump())


def _several(event: Event, send: Send, quota: Quota) -> HttpAnswer:
    request = read_body(event, Reactions)
    received = received_at(event)
    each = [as_messages(ACTIONS[one.action], request.user_id, one, received) for one in request.reactions]
    _take(event, request.user_id, [message for messages in each for message in messages], send, quota)
    return answer(202, AllTracked(reactions=len(request.reactions)).model_dump())


def _take(event: Event, user_id: int, messages: Sequence[Message], send: Send, quota: Quota) -> None:
    asking = caller(event, SETTINGS.user_id_claim)
    asking.acts_for(user_id)
    if not asking.is_service:
        quota.take(asking.subject, len(messages), received_at(event))
    send(messages)
    TELEMETRY.count("FeedbackAccepted", len(messages))


def as_messages(action: Action, user_id: int, said: About | InView, received: datetime) -> list[Message]:
    """What goes into the queue: a reaction is one message, what was seen one per list.

    A visitor's clock may lag, but what it says happened has happened.
    """
    given = said.model_dump(include={"movie_id", "event_id", "rating"})
    of_lists = by_list(said.event_ids).items() if isinstance(said, InView) else ()
    about: list[dict[str, Any]] = [{"event_id": event_id, "seen": seen} for event_id, seen in of_lists]
    occurred = min(said.occurred_at or received, received)
    return [
        Message(
            message_id=new_message_id(received, SystemRandom()),
            action=action,
            user_id=user_id,
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
