"""The monitor's run at 9 AM: a report for each day, and mails about what is wrong, into the bucket. Knows S3 only."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

import boto3
from bandit_selector.errors import DeliveryFailed
from bandit_selector.outbox import COUNTS, Counts, posted
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
from pydantic import ValidationError

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS),
    statement_seconds=240,
    pooled=SETTINGS.database_pooled,
    role=SETTINGS.database_role,
)
TELEMETRY: Final = Telemetry("monitor")

PERIOD_DAYS: Final = 7
FRESH: Final = timedelta(hours=1)
"""The courier counts dead letters every five minutes; an older count is not known to hold."""
UNVERSIONED: Final = "$LATEST"
AWS: Final = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@TELEMETRY.handling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Runs for the event's `time` (ISO 8601); `days` is the window's length. A repeated event makes nothing twice."""
    now = datetime.fromisoformat(event["time"])
    named: str | None = context.function_version  # None where the runtime is not told
    version = "" if named in {None, UNVERSIONED} else str(named)
    s3 = cast("Any", boto3.client("s3", config=AWS))
    return run(now, int(event.get("days", PERIOD_DAYS)), SETTINGS, DATABASE, s3, version)


def run(now: datetime, days: int, settings: Settings, database: Database, s3: Any, version: str = "") -> dict[str, Any]:
    """Makes the reports that are due, then delivers everything that has not gone out yet.

    Raises DeliveryFailed at the end if a delivery failed: the rest has gone out, and the next run tries again.
    """
    dead = dead_letters(s3, now, settings)
    made = database.run(lambda connection: make_due(connection, now, days, settings, dead, version))
    failures = database.run(lambda connection: deliver(connection, now, carriers(s3, settings)))
    if failures:
        TELEMETRY.count("DeliveriesFailed", len(failures))
        raise DeliveryFailed(
            f"{len(failures)} of the monitor's deliveries failed and will be tried again: {failures[0]}"
        )
    today = now.astimezone(settings.time_zone).date()
    return {"reports": [day.isoformat() for day in made], "address": address(settings, today)}


def dead_letters(s3: Any, now: datetime, settings: Settings) -> int | None:
    """How many messages are in the dead-letter queue, as the courier noted; None where that is not known."""
    try:
        counts = Counts.model_validate_json(s3.get_object(Bucket=settings.report_bucket, Key=COUNTS)["Body"].read())
    except (BotoCoreError, ClientError, ValidationError) as error:
        TELEMETRY.logger.warning(f"The courier's count of dead letters could not be read: {error}")
        return None
    return counts.dead_letters if now - counts.at < FRESH else None


def carriers(s3: Any, settings: Settings) -> Carriers:
    """The bucket takes the reports, and the mails for the courier."""

    def store(day: date, report: Report) -> None:
        _attempt(lambda: _store(s3, settings, day, report))

    def send(mail: Unsent) -> None:
        letter = posted(mail.id, mail.subject, mail.body)
        _attempt(lambda: s3.put_object(Bucket=settings.report_bucket, **letter))

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
