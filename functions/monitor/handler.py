"""The monitor's run at 9 AM: a report per day, kept, put into the bucket, and mails about what is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import boto3
from bandit_selector.errors import DeliveryFailed
from bandit_selector.health.incidents import mails
from bandit_selector.pages.report import page
from bandit_selector.services.report import Report, make_report
from bandit_selector.settings import Settings, read_settings
from bandit_selector.store import reports
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.credentials import database_url
from bandit_selector.telemetry import Telemetry
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from functions.monitor.backlog import read_backlog

SETTINGS: Final = read_settings()
DATABASE: Final = Database(lambda: database_url(SETTINGS), statement_seconds=240)

TELEMETRY: Final = Telemetry("monitor")

PERIOD_DAYS: Final = 7
MADE_UP_DAYS: Final = 7
"""So many missed days are made up at most."""
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


@TELEMETRY.flushing
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Runs for the event's `time` (ISO 8601); `days` is the window's length. A repeated event makes nothing twice."""
    now = datetime.fromisoformat(event["time"])
    return run(now, int(event.get("days", PERIOD_DAYS)), SETTINGS, DATABASE, Outside.connect())


def run(now: datetime, days: int, settings: Settings, database: Database, outside: Outside) -> dict[str, Any]:
    """Makes the reports that are due, then delivers whatever has not gone out yet.

    Raises DeliveryFailed at the end if some of it did not: the rest has gone out, and the next run tries again.
    """
    made = database.run(lambda connection: make(connection, now, days, settings, dead_letters(outside, settings)))
    faults = database.run(lambda connection: deliver(connection, now, settings, outside))
    if faults:
        TELEMETRY.count("DeliveriesFailed", len(faults))
        raise DeliveryFailed(f"{len(faults)} of the monitor's deliveries failed and will be tried again: {faults[0]}")
    today = now.astimezone(settings.time_zone).date()
    return {"reports": [day.isoformat() for day in made], "address": address(settings, today)}


def make(connection: Connection, now: datetime, days: int, settings: Settings, dead: int | None) -> list[date]:
    """Makes today's report and those of the days missed, and writes the mails today's calls for; returns the days."""
    with connection.transaction():
        reports.lock(connection)
        local = now.astimezone(settings.time_zone)
        if reports.attempted(connection, local.date(), days):
            return []
        missed = _missed(local, reports.newest_day(connection, days))
        for moment in missed:
            _keep(connection, make_report(connection, days, moment, settings, dead), now)
        newest = make_report(connection, days, local, settings, dead)
        _keep(connection, newest, now)
        _tell(connection, newest, local, settings)
    return [moment.date() for moment in (*missed, local)]


def deliver(connection: Connection, now: datetime, settings: Settings, outside: Outside) -> list[str]:
    """Stores the reports and sends the mails that have not gone out yet; returns what failed, in sentences."""
    faults: list[str] = []
    for day, days, content in reports.not_stored(connection):
        found = Report.model_validate(content)
        if _done(lambda day=day, found=found: _store(outside.s3, settings, day, found), faults):
            reports.stored(connection, day, days, now)
    for mail in reports.unsent(connection):
        if _done(lambda mail=mail: _send(outside.sns, settings, mail), faults):
            reports.sent(connection, mail.id, now)
            TELEMETRY.count("MailsSent")
    return faults


def address(settings: Settings, day: date) -> str:
    """Where a day's report lies, for people."""
    return f"s3://{settings.report_bucket}/reports/{day:%Y/%m/%d}/report.html"


def dead_letters(outside: Outside, settings: Settings) -> int | None:
    """How many messages wait in the feedback queue's dead-letter queue; None where that cannot be asked."""
    found = read_backlog(outside.sqs, settings.feedback_queue_url)
    if found.dead_letters is None:
        TELEMETRY.logger.warning(found.sentence)
    return found.dead_letters


def _keep(connection: Connection, found: Report, now: datetime) -> None:
    reports.add(connection, found.timestamp.date(), found.period_days, found.model_dump(mode="json"), now)


def _missed(today: datetime, newest: date | None) -> list[datetime]:
    """The same time of day on each day since the newest report, oldest first."""
    days = (today.date() - newest).days - 1 if newest else 0
    return [today - timedelta(days=back) for back in range(min(days, MADE_UP_DAYS), 0, -1)]


def _tell(connection: Connection, found: Report, local: datetime, settings: Settings) -> None:
    known = reports.open_incidents(connection, settings.time_zone)
    written = mails(found.alerts, known, found.unjudged(), local, address(settings, local.date()))
    reports.tell(connection, written, found.alerts, local)


def _done(delivery: Callable[[], None], faults: list[str]) -> bool:
    try:
        delivery()
    except (BotoCoreError, ClientError) as error:
        TELEMETRY.logger.error("A delivery failed", exc_info=error)
        faults.append(str(error))
        return False
    return True


def _store(s3: Any, settings: Settings, day: date, found: Report) -> None:
    folder = f"reports/{day:%Y/%m/%d}"
    content = found.model_dump_json(indent=2)
    _put(s3, settings, f"{folder}/report.html", page(found), "text/html; charset=utf-8")
    _put(s3, settings, f"{folder}/report.json", content, "application/json")
    _put(s3, settings, "reports/latest.json", content, "application/json")


def _put(s3: Any, settings: Settings, key: str, content: str, kind: str) -> None:
    s3.put_object(Bucket=settings.report_bucket, Key=key, Body=content.encode(), ContentType=kind)


def _send(sns: Any, settings: Settings, mail: reports.Unsent) -> None:
    sns.publish(TopicArn=settings.alert_topic_arn, Subject=mail.subject, Message=mail.body)
