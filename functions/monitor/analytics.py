"""GET /analytics/*, /dashboard and /health: figures for the team, read from sums. Writes nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeAlias

from bandit_selector import answers
from bandit_selector.answers import BanditStats, Experiment, Performance, RecommendationStats, Timeline
from bandit_selector.experiment import Plan, lift_over_time, read_out
from bandit_selector.settings import Settings, read_settings
from bandit_selector.store import activity
from bandit_selector.store.activity import Resolution
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.credentials import database_url
from bandit_selector.tally import total
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import Answer, Event, answer, answers_problems, caller, path_of, problem, query_of, received_at
from pydantic import BaseModel, Field

from functions.monitor import page

SETTINGS: Final = read_settings()
DATABASE: Final = Database(lambda: database_url(SETTINGS), statement_seconds=20)
TELEMETRY: Final = Telemetry("analytics")

SCOPE: Final = "analytics"
HOURLY_UP_TO_DAYS: Final = 3

Reading: TypeAlias = Callable[[Connection, Event, Settings], BaseModel]
"""Answers one route from the database; raises ValidationError for parameters that cannot be used."""


class Filter(BaseModel):
    """The query of /analytics/bandit/stats; `context_key` is one of the keys that it lists."""

    context_key: Annotated[str, Field(max_length=200)] | None = None


class Year(BaseModel):
    """A window of up to a year."""

    days: Annotated[int, Field(ge=1, le=365)] = 30


class Quarter(BaseModel):
    """A window of up to a quarter."""

    days: Annotated[int, Field(ge=1, le=90)] = 7


class Span(Year, Filter):
    """The query of /analytics/timeline: by the hour up to three days, else by the day, unless `resolution` says.

    `context_key` keeps the points to one context; the distribution of contexts and the test's lift stay whole.
    """

    days: Annotated[int, Field(ge=1, le=365)] = 7
    resolution: Resolution | None = None


@TELEMETRY.flushing
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> Answer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, SETTINGS, DATABASE)


def respond(event: Event, settings: Settings, database: Database) -> Answer:
    """What a route answers; raises ValidationError and the product's errors."""
    route = event["routeKey"]
    if route.startswith("GET /dashboard"):
        return page.serve(path_of(event).get("asset", page.INDEX), settings, event.get("headers") or {})
    if route == "GET /health":
        database.read(lambda connection: connection.execute("SELECT FROM bandit_migrations LIMIT 1"))
        return answer(200, {"status": "ok"})
    if SCOPE not in caller(event, settings.user_id_claim).scopes:
        return problem(
            403, "Not for this token", f"The token lacks the scope {SCOPE!r}; ask your team for one with it."
        )
    body = database.read(lambda connection: READINGS[route](connection, event, settings))
    return answer(200, body.model_dump(mode="json"), {"cache-control": "private, no-store"})


def bandit_stats(connection: Connection, event: Event, _settings: Settings) -> BanditStats:
    return BanditStats.of(activity.cells(connection, Filter.model_validate(query_of(event)).context_key))


def performance(connection: Connection, event: Event, settings: Settings) -> Performance:
    days = Year.model_validate(query_of(event)).days
    since = window_start(received_at(event), days)
    return Performance(
        period_days=days,
        since=since,
        algorithms={
            name: answers.AlgorithmPerformance.of(tally)
            for name, tally in activity.by_algorithm(connection, since).items()
        },
        ab_test=experiment(connection, since, settings),
    )


def experiment(connection: Connection, since: datetime, settings: Settings) -> Experiment:
    """The test's read-out from `since` on, but not from before its start."""
    start = max(since, settings.experiment_start or since)
    plan = Plan(settings.treatment_share, settings.planned_lift)
    found = read_out(
        answers.group_totals(activity.by_algorithm(connection, start)),
        activity.clusters(connection, start),
        activity.visitors(connection, start),
        plan,
    )
    return Experiment.of(found, plan, start)


def recommendation_stats(connection: Connection, event: Event, _settings: Settings) -> RecommendationStats:
    days = Quarter.model_validate(query_of(event)).days
    since = window_start(received_at(event), days)
    return RecommendationStats.of(days, since, total(activity.by_algorithm(connection, since).values()))


def timeline(connection: Connection, event: Event, settings: Settings) -> Timeline:
    span = Span.model_validate(query_of(event))
    since = window_start(received_at(event), span.days)
    resolution = span.resolution or ("hour" if span.days <= HOURLY_UP_TO_DAYS else "day")
    plan = Plan(settings.treatment_share, settings.planned_lift)
    return Timeline(
        period_days=span.days,
        since=since,
        resolution=resolution,
        time_zone=str(settings.time_zone),
        points=answers.points(
            activity.over_time(connection, since, resolution, str(settings.time_zone), span.context_key)
        ),
        contexts=answers.context_shares(activity.by_context(connection, since)),
        lift=[
            answers.LiftPoint.of(day, lift)
            for day, lift in lift_over_time(activity.clusters_by_day(connection, since), plan)
        ],
    )


def window_start(now: datetime, days: int) -> datetime:
    """The beginning of the hour in which a window of so many days began."""
    return (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)


READINGS: Final[dict[str, Reading]] = {
    "GET /analytics/bandit/stats": bandit_stats,
    "GET /analytics/performance": performance,
    "GET /analytics/recommendations/stats": recommendation_stats,
    "GET /analytics/timeline": timeline,
}
