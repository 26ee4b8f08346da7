"""GET and POST /movies/recommendations, POST /selections: a request in, a list of movies or of arms out."""

import secrets
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from bandit_selector.answers.selection import PlaceAnswer, SelectionAnswer
from bandit_selector.quota import NO_QUOTA, Quota
from bandit_selector.services.asked import OwnCandidates, Request
from bandit_selector.services.meter import Meter
from bandit_selector.services.recommend import Recommendations, recommend
from bandit_selector.services.select_arms import Selection, SelectionRequest, check_arms, select_arms
from bandit_selector.settings import Settings, read_settings
from bandit_selector.snapstart import forget_at_snapshot
from bandit_selector.store.connection import CONNECT_SECONDS, Database
from bandit_selector.store.credentials import database_url
from bandit_selector.telemetry import GATHER_SECONDS, Telemetry
from bandit_selector.web import (
    MAX_SERVICE_BODY,
    Event,
    HttpAnswer,
    answer,
    answers_problems,
    caller,
    read_body,
    read_query,
    received_at,
)

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS),
    statement_seconds=3,
    plan_once=True,
    pooled=SETTINGS.database_pooled,
    patience=4,
    role=SETTINGS.database_role,
    connect_seconds=CONNECT_SECONDS,
    pauses=SETTINGS.database_pauses,
)
forget_at_snapshot(DATABASE.close)
TELEMETRY: Final = Telemetry("select", SETTINGS.log_sample, GATHER_SECONDS)
QUOTA: Final = Quota(SETTINGS.max_places_per_visitor)
METER: Final = Meter(SETTINGS.brake_latency)


@TELEMETRY.handling
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> HttpAnswer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, SETTINGS, DATABASE, QUOTA, METER)


def respond(
    event: Event, settings: Settings, database: Database, quota: Quota = NO_QUOTA, meter: Meter | None = None
) -> HttpAnswer:
    """The answer of a route, recorded; raises what the services raise, and errors of the caller."""
    metered = meter or Meter(settings.brake_latency)
    return ANSWERS[event["routeKey"]](event, settings, database, quota, metered)


def recommendations(event: Event, settings: Settings, database: Database, quota: Quota, meter: Meter) -> HttpAnswer:
    """The list of a query, from the stored candidates."""
    fields: dict[str, str] = event.get("queryStringParameters") or {}
    request = read_query(event, Request)
    _admit(event, request.user_id, request.limit, settings, quota)
    return _listed(event, request, fields, settings, database, meter)


def own_recommendations(event: Event, settings: Settings, database: Database, quota: Quota, meter: Meter) -> HttpAnswer:
    """The list of a body, from the candidates in it."""
    caller(event, settings.user_id_claim).needs("service")
    request = read_body(event, OwnCandidates, MAX_SERVICE_BODY)
    _admit(event, request.user_id, request.limit, settings, quota)
    check_arms(list(request.candidates), settings, "candidates")
    return _listed(event, request, request.model_extra or {}, settings, database, meter)


def selection(event: Event, settings: Settings, database: Database, quota: Quota, meter: Meter) -> HttpAnswer:
    """The arms of places that the site fills."""
    request = read_body(event, SelectionRequest)
    _admit(event, request.user_id, request.places, settings, quota)
    made = select_arms(
        database, request, settings, received_at(event), _randomness(request.user_id), _bandit_failed, meter
    )
    TELEMETRY.count("Recommendations")
    return answer(200, as_answer(made).model_dump(mode="json"))


def as_answer(made: Selection) -> SelectionAnswer:
    places = [
        PlaceAnswer(position=at, arm=choice.arm, propensity=choice.propensity, event_id=made.event_id(at))
        for at, choice in enumerate(made.choices, start=1)
    ]
    return SelectionAnswer(selection_id=made.id, group=made.group, context_key=made.context.key, places=places)


def _listed(
    event: Event,
    request: Request,
    fields: Mapping[str, object],
    settings: Settings,
    database: Database,
    meter: Meter,
) -> HttpAnswer:
    randomness = _randomness(request.user_id, request.seed)
    made = recommend(database, request, settings, received_at(event), randomness, _bandit_failed, meter, fields)
    _log(request, made)
    return answer(
        200,
        made.movies,
        {
            **({"x-recommendation-id": str(made.id)} if made.id else {}),
            "x-ab-group": made.group or "none",
            "x-context-key": made.context.key,
        },
    )


def _admit(event: Event, user_id: int, places: int, settings: Settings, quota: Quota) -> None:
    """Raises ForeignUser, and TooManyRequests for a visitor who has asked for too many places today."""
    asking = caller(event, settings.user_id_claim)
    asking.acts_for(user_id)
    if not asking.is_service:
        quota.take(asking.subject, places, received_at(event))


def _randomness(user_id: int, seed: str | None = None) -> Random:
    """The visitor's own generator for a seed; without one, a generator that no other request has."""
    return Random(f"{user_id}:{seed}" if seed else secrets.randbits(128))  # noqa: S311 # nothing secret


def _bandit_failed(error: Exception) -> None:
    TELEMETRY.logger.exception("The bandit failed; the control list is served instead", exc_info=error)
    TELEMETRY.count("Fallbacks")


def _log(request: Request, made: Recommendations) -> None:
    TELEMETRY.count("Recommendations")
    TELEMETRY.count("Impressions", len(made.movies))
    TELEMETRY.logger.info(
        "Bandit recommendations" if made.group == "treatment" else "Control recommendations",
        recommendation_id=str(made.id),
        user_id=request.user_id if SETTINGS.log_user_ids else None,
        context_key=made.context.key,
        movies=len(made.movies),
    )


ANSWERS: Final[dict[str, Callable[[Event, Settings, Database, Quota, Meter], HttpAnswer]]] = {
    "GET /movies/recommendations": recommendations,
    "POST /movies/recommendations": own_recommendations,
    "POST /selections": selection,
}
