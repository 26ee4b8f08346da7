"""Handlers that do nothing of the product's: a list is always the same, feedback goes to the queue as it came, a batch
is answered unread. What a visit still takes is the emulation; see `./dev bench demo`."""

import json
import os
from functools import cache
from typing import Any, Final, cast

import boto3

MOVIES: Final = [{"id": number, "event_id": number} for number in range(881, 891)]
"""Of the sample, some of those that get the most reactions, though fewer than a demo's own lists."""
AT_ONCE: Final = 10  # messages that SQS takes in one request
ANSWER: Final = {
    "statusCode": 200,
    "headers": {"content-type": "application/json", "x-ab-group": "treatment"},
    "body": json.dumps(MOVIES),
}


def select(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A list of ten."""
    return ANSWER


def ingest(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Sends each reaction to the queue, as the product does: no visit may be answered before."""
    bodies = [json.dumps(reaction) for reaction in json.loads(event["body"])["reactions"]]
    entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
    for first in range(0, len(entries), AT_ONCE):
        some = entries[first : first + AT_ONCE]
        _queue().send_message_batch(QueueUrl=os.environ["FEEDBACK_QUEUE_URL"], Entries=some)
    return {"statusCode": 202, "body": "{}"}


def feedback(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A batch without a failure."""
    return {"batchItemFailures": []}


@cache
def _queue() -> Any:
    return cast("Any", boto3.client("sqs"))
