"""Reads how many messages the feedback queue and its dead-letter queue hold. Must not know the database."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast

import boto3
from bandit_selector.answers.stats import Backlog
from bandit_selector.snapstart import forget_at_snapshot
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

WAITING: Final = "ApproximateNumberOfMessages"
UNDERWAY: Final = "ApproximateNumberOfMessagesNotVisible"
HURRIED: Final = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1})
"""Short limits, because a person waits: an answer in seconds, or a sentence that says why not."""


@cache
def hurried_sqs() -> Any:
    return cast("Any", boto3.client("sqs", config=HURRIED))


forget_at_snapshot(hurried_sqs.cache_clear)


def read_backlog(sqs: Any, queue_url: str, report: Callable[[str, Exception], None]) -> Backlog:
    """Both queues' counts, which SQS gives approximately; None if SQS gave no count, and `sentence` says which.

    `report` gets SQS's own words, which name accounts and roles and are for the log alone.
    """
    waiting = underway = dead = None
    fault = ""
    try:
        queue = _attributes(sqs, queue_url)
        waiting, underway = int(queue[WAITING]), int(queue[UNDERWAY])
        name = json.loads(queue["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
        dead = int(_attributes(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])[WAITING])
    except (BotoCoreError, ClientError, KeyError) as error:
        fault = _unknown("dead-letter queue" if waiting is not None else "feedback queue")
        report(fault, error)
    return Backlog(waiting=waiting, underway=underway, dead_letters=dead, sentence=fault or _advice(dead or 0))


def _attributes(sqs: Any, queue_url: str) -> dict[str, str]:
    asked = {"QueueUrl": queue_url, "AttributeNames": ["All"]}
    return sqs.get_queue_attributes(**asked)["Attributes"]


def _unknown(queue: str) -> str:
    return (
        f"The {queue} could not be read; the log has the reason. Check that it exists, and that this function may read "
        "its attributes."
    )


def _advice(dead: int) -> str:
    if not dead:
        return ""
    messages = "message is" if dead == 1 else "messages are"
    return (
        f"{dead:,} {messages} in the dead-letter queue: read the consumer's log, repair what it names, then redrive "
        "the queue; a message that is delivered twice counts once."
    )
