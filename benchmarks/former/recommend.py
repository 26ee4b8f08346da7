"""Version 1.0: one request's list for the treatment group, from the query to the answer."""

import json
import secrets
from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID, uuid4

from bandit_selector.errors import UnknownUser
from bandit_selector.lists.context import USER_TYPES, context_at, user_type
from bandit_selector.lists.slate import Page, Place
from bandit_selector.services.asked import Request
from bandit_selector.services.chances import probabilities
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import Event, HttpAnswer, answer, caller, read_query, received_at

from benchmarks.former.serving import read_visitor, record_slate
from benchmarks.former.slate import bandit_slate

TELEMETRY = Telemetry("select")


def respond(event: Event, settings: Settings, database: Database) -> HttpAnswer:
    """The list for one request, recorded."""
    request = read_query(event, Request)
    caller(event, settings.user_id_claim).acts_for(request.user_id)
    now, zone = received_at(event), request.time_zone or settings.time_zone
    situations = {name: context_at(now, zone, name) for name in USER_TYPES}
    keys = [situation.key for situation in situations.values()]
    visitor = database.read(lambda connection: read_visitor(connection, request.user_id, keys, settings.arms))
    if not visitor.exists:
        raise UnknownUser(request.user_id)
    context = situations[user_type(visitor.ratings)]
    beliefs = visitor.beliefs.get(context.key, ())
    page = Page(request.offset, request.limit, settings.min_long_tail_share)
    randomness = Random(secrets.randbits(128))
    places = bandit_slate(visitor.candidates, probabilities(beliefs, settings), page, randomness)
    version = max((belief.version for belief in beliefs if belief.version is not None), default=None)
    recommendation_id, record = uuid4(), context.as_record()
    rows = database.run(
        lambda connection: record_slate(connection, recommendation_id, request.user_id, places, record, version, now)
    )
    movies = as_movies(rows, places, recommendation_id)
    TELEMETRY.count("Recommendations")
    TELEMETRY.count("Impressions", len(movies))
    TELEMETRY.logger.info(
        "Bandit recommendations",
        recommendation_id=str(recommendation_id),
        user_id=request.user_id,
        context_key=context.key,
        movies=len(movies),
    )
    headers = {
        "x-recommendation-id": str(recommendation_id),
        "x-ab-group": "treatment",
        "x-context-key": context.key,
    }
    return answer(200, movies, headers)


def as_movies(
    rows: Sequence[tuple[int, dict[str, Any]]], places: Sequence[Place], recommendation_id: UUID
) -> list[dict[str, Any]]:
    """The site's own columns of each movie, and under which event it was shown; genres always as a list."""
    return [
        movie
        | {"genres": as_list(movie.get("genres"))}
        | {
            "algorithm": place.algorithm,
            "position": place.position,
            "propensity": place.propensity,
            "event_id": event_id,
            "recommendation_id": str(recommendation_id),
        }
        for (event_id, movie), place in zip(rows, places, strict=True)
    ]


def as_list(genres: object) -> object:
    """A JSON list kept as text, as some sites keep it, becomes a list."""
    return json.loads(genres) if isinstance(genres, str) and genres.startswith("[") else genres
