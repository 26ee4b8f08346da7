"""POST /analytics/track/*: a reaction in, 202 once the queue has it. Never touches the database."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from random import SystemRandom
from typing import Any, Final, Self, cast

import boto3
from bandit_selector.errors import QueueUnavailable
from bandit_selector.feedback import Action, EventId, Id, Message, Moment, Stars, new_message_id
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
from pydantic import BaseModel, ConfigDict, model_validator

SETTINGS: Final = read_settings()
TELEMETRY: Final = Telemetry("ingest")
ACTIONS: Final[dict[str, Action]] = {
    "click": "click",
    "rating": "rating",
    "thumbs-up": "thumbs_up",
    "thumbs-down": "thumbs_down",
}
SEND: Final = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent=SERVICE,  # botocore's own name is built anew for each message
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


@TELEMETRY.flushing
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> HttpAnswer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, _send)


def respond(event: Event, send: Callable[[Message], None]) -> HttpAnswer:
    """{"status": "tracked"} once `send` has put the reaction into the queue; raises the product's errors."""
    action = ACTIONS.get(path_of(event).get("action", ""))
    if action is None:
        return problem(404, "Unknown action", f"Track one of {', '.join(ACTIONS)}.")
    reaction = read_body(event, Rating if action == "rating" else Reaction)
    caller(event, SETTINGS.user_id_claim).acts_for(reaction.user_id)
    send(as_message(action, reaction, received_at(event)))
    TELEMETRY.count("FeedbackAccepted")
    return answer(202, {"status": "tracked", "action": action})


def as_message(action: Action, reaction: Reaction, received: datetime) -> Message:
    """What goes into the queue; a visitor's clock may lag, but what it says happened has happened."""
    return Message(
        message_id=new_message_id(received, SystemRandom()),
        action=action,
        received_at=received,
        **reaction.model_dump(exclude={"occurred_at"}),
        occurred_at=min(reaction.occurred_at or received, received),
    )


@cache
def _queue() -> Any:
    return cast("Any", boto3.client("sqs", config=SEND))


forget_at_snapshot(_queue.cache_clear)


def _send(message: Message) -> None:
    body = message.model_dump_json(exclude_none=True)
    try:
        _queue().send_message(QueueUrl=SETTINGS.feedback_queue_url, MessageBody=body)
    except (BotoCoreError, ClientError) as error:
        raise QueueUnavailable(f"The feedback was not taken, send it again: {error}") from error
