"""The monitor's run at 9 AM: a report for each day into the bucket, and mails about what is wrong. Knows AWS only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import boto3
from bandit_selector.errors import DeliveryFailed
from bandit_selector.pages.report import page
from bandit_selector.services.daily import Carriers, address, deliver, make_due
from bandit_selector.services.report import Report
from bandit_selector.settings import Settings, read_settings
from bandit_selector.store.connection import Database
from bandit_selector.store.credentials import database_url
from bandit_selector.store.reports import Unsent
from bandit_selector.telemetry import Telemetry
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from functions.monitor.backlog import read_backlog

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS),
    statement_seconds=240,
    pooled=SETTINGS.database_pooled,
    role=SETTINGS.database_role,
)
TELEMETRY: Final = Telemetry("monitor")

PERIOD_DAYS: Final = 7
UNVERSIONED: Final = "$LATEST"
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
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Runs for the event's `time` (ISO 8601); `days` is the window's length. A repeated event makes nothing twice."""
    now = datetime.fromisoformat(event["time"])
    named: str | None = context.function_version  # None where the runtime is not told
    version = "" if named in {None, UNVERSIONED} else str(named)
    return run(now, int(event.get("days", PERIOD_DAYS)), SETTINGS, DATABASE, Outside.connect(), version)


def run(
    now: datetime, days: int, settings: Settings, database: Database, outside: Outside, version: str = ""
) -> dict[str, Any]:
    """Makes the reports that are due, then delivers everything that has not gone out yet.

    Raises DeliveryFailed at the end if a delivery failed: the rest has gone out, and the next run tries again.
    """
    dead = dead_letters(outside, settings)
    made = database.run(lambda connection: make_due(connection, now, days, settings, dead, version))
    failures = database.run(lambda connection: deliver(connection, now, carriers(outside, settings)))
    if failures:
        TELEMETRY.count("DeliveriesFailed", len(failures))
        raise DeliveryFailed(
            f"{len(failures)} of the monitor's deliveries failed and will be tried again: {failures[0]}"
        )
    today = now.astimezone(settings.time_zone).date()
    return {"reports": [day.isoformat() for day in made], "address": address(settings, today)}


def dead_letters(outside: Outside, settings: Settings) -> int | None:
    """How many messages wait in the feedback queue's dead-letter queue; None where that cannot be asked."""
    return read_backlog(outside.sqs, settings.feedback_queue_url, _unread).dead_letters


def _unread(sentence: str, error: Exception) -> None:
    TELEMETRY.logger.warning(sentence, exc_info=error)


def carriers(outside: Outside, settings: Settings) -> Carriers:
    """S3 takes the reports, SNS the mails."""

    def store(day: date, report: Report) -> None:
        _attempt(lambda: _store(outside.s3, settings, day, report))

    def send(mail: Unsent) -> None:
        _attempt(
            lambda: outside.sns.publish(TopicArn=settings.alert_topic_arn, Subject=mail.subject, Message=mail.body)
        )
        TELEMETRY.count("MailsSent")

    return Carriers(store, send)


def _attempt(delivery: Callable[[], object]) -> None:
    try:
        delivery()
    except (BotoCoreError, ClientError) as error:
        TELEMETRY.logger.error("A delivery failed", exc_info=error)
        raise DeliveryFailed(str(error)) from error


def _store(s3: Any, settings: Settings, day: date, report: Report) -> None:
    folder = f"reports/{day:%Y/%m/%d}"
    content = report.model_dump_json(indent=2)
    _put(s3, settings, f"{folder}/report.html", page(report, settings.dashboard_notice), "text/html; charset=utf-8")
    _put(s3, settings, f"{folder}/report.json", content, "application/json")
    _put(s3, settings, "reports/latest.json", content, "application/json")


def _put(s3: Any, settings: Settings, key: str, content: str, kind: str) -> None:
    s3.put_object(Bucket=settings.report_bucket, Key=key, Body=content.encode(), ContentType=kind)
