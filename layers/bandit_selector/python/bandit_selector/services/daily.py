"""The daily run: a report for each day, kept, stored and mailed about. Knows the order of things; knows no AWS."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from bandit_selector.errors import DeliveryFailed
from bandit_selector.health.incidents import mails
from bandit_selector.services.experiment import renew_test
from bandit_selector.services.report import Now, Report, make_report
from bandit_selector.settings import Settings
from bandit_selector.store import reports
from bandit_selector.store.connection import Connection
from bandit_selector.store.reports import Unsent

BACKFILLED_DAYS: Final = 7
"""Backfill at most this many missed days."""


@dataclass(frozen=True, slots=True)
class Carriers:
    """How reports and mails leave. Each raises DeliveryFailed when it did not deliver."""

    store: Callable[[date, Report], None]
    send: Callable[[Unsent], None]


def make_due(
    connection: Connection, now: datetime, days: int, settings: Settings, dead: int | None, version: str = ""
) -> list[date]:
    """Makes today's report and the missed days', and writes today's mails; returns the days, oldest first.

    First the test's plan and bounds follow what is known by now. One transaction. A repeated run on the same day
    makes nothing. `dead` is the number of dead letters, None where
    the queue cannot be asked. The stored sums are verified once, for all days.
    """
    with connection.transaction():
        reports.lock(connection)
        local = now.astimezone(settings.time_zone)
        if reports.attempted(connection, local.date(), days):
            return []
        renew_test(connection, local, settings)
        current = Now.read(connection, dead, now, settings)
        missed = missed_days(local, reports.newest_day(connection, days))
        for moment in missed:
            _keep(connection, make_report(connection, days, moment, settings, current.as_backfilled()), now)
        made = make_report(connection, days, local, settings, current)
        today = made.model_copy(update={"version": version})
        _keep(connection, today, now)
        _write_mails(connection, today, local, settings)
    return [moment.date() for moment in (*missed, local)]


def deliver(connection: Connection, now: datetime, carriers: Carriers) -> list[DeliveryFailed]:
    """Stores every report and sends every mail that has not gone out yet; returns what failed."""
    failures: list[DeliveryFailed] = []
    for day, days, content in reports.not_stored(connection):
        try:
            report = Report.model_validate(content)
        except ValidationError:  # it can never be drawn again, so it is given up
            failures.append(DeliveryFailed(f"The report of {day} is of another version and is not in the bucket."))
            reports.stored(connection, day, days, now)
            continue
        if _delivered(lambda day=day, report=report: carriers.store(day, report), failures):
            reports.stored(connection, day, days, now)
    return failures + send_mails(connection, now, carriers.send)


def send_mails(connection: Connection, now: datetime, send: Callable[[Unsent], None]) -> list[DeliveryFailed]:
    """Sends every mail that has not gone out yet; returns what failed."""
    failures: list[DeliveryFailed] = []
    for mail in reports.unsent(connection):
        if _delivered(lambda mail=mail: send(mail), failures):
            reports.sent(connection, mail.id, now)
    return failures


def address(settings: Settings, day: date) -> str:
    """Where a day's report is kept."""
    return f"s3://{settings.report_bucket}/reports/{day:%Y/%m/%d}/report.html"


def link(settings: Settings, day: date) -> str:
    """Where people open a day's report: the dashboard, which asks them to sign in. Empty where that is not known."""
    return f"{settings.dashboard_url}#report={day}" if settings.dashboard_url else ""


def missed_days(today: datetime, newest: date | None) -> list[datetime]:
    """The same time of day on each day since the newest report, oldest first."""
    days = (today.date() - newest).days - 1 if newest else 0
    return [today - timedelta(days=back) for back in range(min(days, BACKFILLED_DAYS), 0, -1)]


def _keep(connection: Connection, report: Report, now: datetime) -> None:
    reports.add(connection, report.timestamp.date(), report.period_days, report.model_dump(mode="json"), now)


def _write_mails(connection: Connection, report: Report, local: datetime, settings: Settings) -> None:
    known = reports.open_incidents(connection, settings.time_zone)
    written = mails(report.alerts, known, report.unjudged(), local, link(settings, local.date()))
    reports.tell(connection, written, report.alerts, local)


def _delivered(delivery: Callable[[], None], failures: list[DeliveryFailed]) -> bool:
    try:
        delivery()
    except DeliveryFailed as failure:
        failures.append(failure)
        return False
    return True
