"""GET /movies/recommendations: a query in, a list of movies out."""

import secrets
from random import Random
from typing import Final

from bandit_selector.quota import NO_QUOTA, Quota
from bandit_selector.services.recommend import Recommendations, Request, recommend
from bandit_selector.settings import Settings, read_settings
from bandit_selector.snapstart import forget_at_snapshot
from bandit_selector.store.connection import Database
from bandit_selector.store.credentials import database_url
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import Event, HttpAnswer, answer, answers_problems, caller, read_query, received_at

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS), statement_seconds=3, plan_once=True, pooled=SETTINGS.database_pooled, patience=4
)
forget_at_snapshot(DATABASE.close)
TELEMETRY: Final = Telemetry("select")
QUOTA: Final = Quota(SETTINGS.max_places_per_visitor)


@TELEMETRY.flushing
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> HttpAnswer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, SETTINGS, DATABASE, QUOTA)


def respond(event: Event, settings: Settings, database: Database, quota: Quota = NO_QUOTA) -> HttpAnswer:
    """The list for one request, recorded; raises what `recommend` raises, and errors of the caller."""
    request = read_query(event, Request)
    asking = caller(event, settings.user_id_claim)
    asking.acts_for(request.user_id)
    if not asking.is_service:
        quota.take(asking.subject, request.limit, received_at(event))
    fields: dict[str, str] = event.get("queryStringParameters") or {}
    made = recommend(database, request, settings, received_at(event), _randomness(request), _bandit_failed, fields)
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


def _randomness(request: Request) -> Random:
    """The visitor's own generator for a seed; without one, a generator that no other request has."""
    return Random(f"{request.user_id}:{request.seed}" if request.seed else secrets.randbits(128))  # noqa: S311 # nothing secret


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
