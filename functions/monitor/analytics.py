"""Answers GET /analytics/*, with figures read from sums. Knows no table; writes nothing."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final, TypeAlias

from bandit_selector.answers.performance import Performance
from bandit_selector.answers.reports import Reports
from bandit_selector.answers.shipping import TeamStats
from bandit_selector.answers.stats import AlgorithmPerformance, BanditStats, RecommendationStats, group_totals
from bandit_selector.answers.timeline import Timeline, context_shares, points
from bandit_selector.errors import NoReport, OutdatedReport
from bandit_selector.evidence.tally import Window, total
from bandit_selector.services.experiment import experiment_with_contexts, lift_points, running
from bandit_selector.services.report import Report, forgetting_points
from bandit_selector.services.shipping import read_shipping
from bandit_selector.settings import Settings, read_settings
from bandit_selector.snapstart import forget_at_snapshot
from bandit_selector.store import activity, reports
from bandit_selector.store.activity import Resolution
from bandit_selector.store.connection import CONNECT_SECONDS, Connection, Database
from bandit_selector.store.credentials import database_url
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import (
    Event,
    HttpAnswer,
    answer,
    answers_problems,
    caller,
    read_path,
    read_query,
    received_at,
)
from pydantic import BaseModel, Field, ValidationError

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS),
    statement_seconds=20,
    pooled=SETTINGS.database_pooled,
    patience=25,
    prove=True,
    role=SETTINGS.database_role,
    connect_seconds=CONNECT_SECONDS,
    pauses=SETTINGS.database_pauses,
)
forget_at_snapshot(DATABASE.close)
TELEMETRY: Final = Telemetry("analytics", SETTINGS.log_sample)

HOURLY_UP_TO_DAYS: Final = 3
REPORTS_LISTED: Final = 366

Reading: TypeAlias = Callable[[Connection, Event, Settings], BaseModel]
"""Answers one route from the database; raises InvalidRequest for invalid parameters."""


class Filter(BaseModel):
    """The query of /analytics/bandit/stats; `context_key` is one of the keys in its answer."""

    context_key: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Only this context; a key of the answer."
    )


class Year(BaseModel):
    """A window of up to a year."""

    days: Annotated[int, Field(ge=1, le=365, description="How many days back from now.")] = 30


class Quarter(BaseModel):
    """A window of up to a quarter."""

    days: Annotated[int, Field(ge=1, le=90, description="How many days back from now.")] = 7


class Span(Year, Filter):
    """The query of /analytics/timeline. Without `resolution`, points are hours for up to three days, else days.

    `context_key` restricts the points to one context, but not the shares of contexts and the test's lift.
    """

    days: Annotated[int, Field(ge=1, le=365, description="How many days back from now.")] = 7
    resolution: Resolution | None = Field(default=None, description="How far apart the points are.")


class Day(BaseModel):
    """The path of /analytics/reports/{day}: the day of the report, in the service's time zone."""

    day: date = Field(description="The day of the report, in the service's time zone.")


@TELEMETRY.handling
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> HttpAnswer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, SETTINGS, DATABASE)


def respond(event: Event, settings: Settings, database: Database) -> HttpAnswer:
    """The answer of a route; raises InvalidRequest and the product's errors."""
    caller(event, settings.user_id_claim).needs("analytics")
    reading = READINGS[event["routeKey"]]
    found = database.read(lambda connection: reading(connection, event, settings))
    return answer(200, found.model_dump(mode="json"), {"cache-control": "private, no-store"})


def bandit_stats(connection: Connection, event: Event, settings: Settings) -> TeamStats:
    learned = BanditStats.of(activity.cells(connection, read_query(event, Filter).context_key), settings)
    shipping = read_shipping(connection, settings, received_at(event))
    return TeamStats(**dict(learned), shipping=shipping)


def performance(connection: Connection, event: Event, settings: Settings) -> Performance:
    days = read_query(event, Year).days
    window = Window.last(days, received_at(event))
    algorithms = activity.by_algorithm(connection, window)
    return Performance(
        period_days=days,
        since=window.since,
        until=window.until,
        groups={name: AlgorithmPerformance.of(tally) for name, tally in group_totals(algorithms).items()},
        algorithms={name: AlgorithmPerformance.of(tally) for name, tally in sorted(algorithms.items())},
        ab_test=experiment_with_contexts(connection, settings, window.until),
    )


def recommendation_stats(connection: Connection, event: Event, _settings: Settings) -> RecommendationStats:
    days = read_query(event, Quarter).days
    window = Window.last(days, received_at(event))
    return RecommendationStats.of(days, window.since, total(activity.by_algorithm(connection, window).values()))


def timeline(connection: Connection, event: Event, settings: Settings) -> Timeline:
    span = read_query(event, Span)
    window = Window.last(span.days, received_at(event))
    resolution = span.resolution or ("hour" if span.days <= HOURLY_UP_TO_DAYS else "day")
    return Timeline(
        period_days=span.days,
        since=window.since,
        resolution=resolution,
        time_zone=str(settings.time_zone),
        points=points(activity.over_time(connection, window, resolution, str(settings.time_zone), span.context_key)),
        contexts=context_shares(activity.by_context(connection, window)),
        lift=lift_points(connection, running(connection, settings, window.until), settings),
        forgettings=forgetting_points(connection, window),
    )


def newest_report(connection: Connection, _event: Event, _settings: Settings) -> Report:
    """The newest report; raises NoReport before the first, OutdatedReport where another version made it."""
    return _read(reports.newest(connection))


def report_of_day(connection: Connection, event: Event, _settings: Settings) -> Report:
    """The report of a day; raises NoReport where the day has none, OutdatedReport where another version made it."""
    return _read(reports.of_day(connection, read_path(event, Day).day))


def all_reports(connection: Connection, _event: Event, _settings: Settings) -> Reports:
    return Reports.model_validate({"reports": reports.history(connection, REPORTS_LISTED)})


def _read(content: dict[str, Any] | None) -> Report:
    if content is None:
        raise NoReport
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        raise OutdatedReport from error


READINGS: Final[dict[str, Reading]] = {
    "GET /analytics/bandit/stats": bandit_stats,
    "GET /analytics/performance": performance,
    "GET /analytics/recommendations/stats": recommendation_stats,
    "GET /analytics/timeline": timeline,
    "GET /analytics/health": newest_report,
    "GET /analytics/reports": all_reports,
    "GET /analytics/reports/{day}": report_of_day,
}
