"""The feedback queue and its dead letters, for the operator's commands: in AWS by their URLs, else the local ones."""

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from bandit_selector.feedback import Id
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ValidationError

from infra.credentials import shell_session
from infra.local.emulation.aws import client
from infra.local.errors import LocalError
from infra.local.installation import running

HIDDEN_SECONDS: Final = 120


class NoQueue(LocalError):
    """No queue can be service."""

    def __init__(self) -> None:
        super().__init__(
            "No queue is known: start `./dev serve`, or name AWS's in FEEDBACK_QUEUE_URL and DEAD_LETTER_QUEUE_URL."
        )


class QueueFailed(LocalError):
    """SQS refused, or did not answer."""


@dataclass(frozen=True, slots=True)
class Queues:
    """A client of SQS and two queues' URLs; `managed` is whether SQS moves messages between them by itself."""

    sqs: Any
    feedback: str
    dead_letters: str
    managed: bool


@contextmanager
def named_failures() -> Generator[None]:
    """Turns what boto3 raises into QueueFailed."""
    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:  # ValueError: the URL is not an address
        raise QueueFailed(f"SQS could not be asked: {error}") from error


class Named(BaseModel):
    """What a letter says of its visitor, read as the consumer reads it."""

    user_id: Id


def open_queues() -> Queues:
    """The queues that a command means; raises NoQueue."""
    feedback, dead_letters = os.environ.get("FEEDBACK_QUEUE_URL"), os.environ.get("DEAD_LETTER_QUEUE_URL")
    if feedback and dead_letters:
        return Queues(cast("Any", shell_session()).client("sqs"), feedback, dead_letters, managed=True)
    service = running()
    if service is None:
        raise NoQueue
    addresses = service[1]
    return Queues(client("sqs", addresses.aws_endpoint), addresses.queue, addresses.dead_letter_queue, managed=False)


def peek(queues: Queues) -> list[dict[str, Any]]:
    """Every visible dead letter; afterwards all are visible again."""
    letters = list(_received(queues))
    for letter in letters:
        queues.sqs.change_message_visibility(
            QueueUrl=queues.dead_letters, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0
        )
    return letters


def replay(queues: Queues) -> int:
    """Sends the dead letters to the feedback queue again; returns how many (SQS: how many it has begun to move).

    A letter is deleted only once the feedback queue has it: stopped half-way, it is in both and counts once.
    """
    if queues.managed:
        attributes = queues.sqs.get_queue_attributes(QueueUrl=queues.dead_letters, AttributeNames=["All"])["Attributes"]
        queues.sqs.start_message_move_task(SourceArn=attributes["QueueArn"])
        return int(attributes["ApproximateNumberOfMessages"])
    letters = list(_received(queues))
    for letter in letters:
        queues.sqs.send_message(QueueUrl=queues.feedback, MessageBody=letter["Body"])
        queues.sqs.delete_message(QueueUrl=queues.dead_letters, ReceiptHandle=letter["ReceiptHandle"])
    return len(letters)


def forget_letters(queues: Queues, user_id: int) -> int:
    """Deletes the dead letters that name a user; returns how many. The others are visible again."""
    forgotten = 0
    for letter in list(_received(queues)):
        if _names(letter["Body"], user_id):
            queues.sqs.delete_message(QueueUrl=queues.dead_letters, ReceiptHandle=letter["ReceiptHandle"])
            forgotten += 1
        else:
            queues.sqs.change_message_visibility(
                QueueUrl=queues.dead_letters, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0
            )
    return forgotten


def _names(body: str, user_id: int) -> bool:
    """Whether a body is about a user. One that names no user as ours do is if it has the id: rather one too many."""
    try:
        return Named.model_validate_json(body).user_id == user_id
    except ValidationError:
        return re.search(rf"(?<!\d){user_id}(?!\d)", body) is not None


def _received(queues: Queues) -> Iterator[dict[str, Any]]:
    while letters := queues.sqs.receive_message(
        QueueUrl=queues.dead_letters,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HIDDEN_SECONDS,
        MessageSystemAttributeNames=["All"],
    ).get("Messages"):
        yield from letters
