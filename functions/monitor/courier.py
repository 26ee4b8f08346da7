"""Every five minutes: sends the mails that wait in the bucket, and notes there how many dead letters SQS holds.

It is outside the database's network, from where SNS and SQS cannot be reached. Must not know the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import boto3
from bandit_selector.errors import DeliveryFailed
from bandit_selector.outbox import MAILS, Counts, Letter, noted
from bandit_selector.settings import Settings, read_settings
from bandit_selector.telemetry import Telemetry
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from functions.monitor.backlog import read_backlog

SETTINGS: Final = read_settings()
TELEMETRY: Final = Telemetry("courier")
AWS: Final = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True, slots=True)
class Outside:
    """The AWS services that a run may use; boto3 has no types of its own."""

    s3: Any
    sns: Any
    sqs: Any

    @classmethod
    def connect(cls) -> "Outside":
        return cls(
            s3=boto3.client("s3", config=AWS), sns=boto3.client("sns", config=AWS), sqs=boto3.client("sqs", config=AWS)
        )


@TELEMETRY.handling
def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Runs for the event's `time` (ISO 8601)."""
    return run(datetime.fromisoformat(event["time"]), SETTINGS, Outside.connect())


def run(now: datetime, settings: Settings, outside: Outside) -> dict[str, int]:
    """Sends every mail that waits, then notes the dead letters; says how many mails were sent.

    Raises DeliveryFailed at the end if a mail did not go out. It waits for the next run, and holds up no other.
    """
    keys = list(_waiting(outside.s3, settings.report_bucket))
    failures = [failure for key in keys if (failure := _failure(key, settings, outside))]
    _note(now, settings, outside)
    TELEMETRY.count("MailsSent", len(keys) - len(failures))
    if failures:
        TELEMETRY.count("DeliveriesFailed", len(failures))
        raise DeliveryFailed(f"{len(failures)} of {len(keys)} mails did not go out and wait: {failures[0]}")
    return {"mails": len(keys)}


def _waiting(s3: Any, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=MAILS):
        yield from (found["Key"] for found in page.get("Contents", []))


def _failure(key: str, settings: Settings, outside: Outside) -> str:
    """Sends one mail; says why it did not go out, empty if it did. One that is sent and not removed is sent again."""
    kept = {"Bucket": settings.report_bucket, "Key": key}
    try:
        letter = Letter.model_validate_json(outside.s3.get_object(**kept)["Body"].read())
        outside.sns.publish(TopicArn=settings.alert_topic_arn, Subject=letter.subject, Message=letter.body)
        outside.s3.delete_object(**kept)
    except (BotoCoreError, ClientError, ValidationError) as error:
        TELEMETRY.logger.error(f"The mail {key} did not go out; the next run tries again", exc_info=error)
        return str(error)
    return ""


def _note(now: datetime, settings: Settings, outside: Outside) -> None:
    dead = read_backlog(outside.sqs, settings.feedback_queue_url, _unread).dead_letters
    outside.s3.put_object(Bucket=settings.report_bucket, **noted(Counts(at=now, dead_letters=dead)))


def _unread(sentence: str, error: Exception) -> None:
    TELEMETRY.logger.warning(sentence, exc_info=error)
