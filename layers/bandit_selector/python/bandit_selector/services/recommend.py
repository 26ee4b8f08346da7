"""One request's list: context, group, slate, and the record of what was shown. Knows the order of things only."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bandit_selector.errors import UnknownUser
from bandit_selector.feedback import Id
from bandit_selector.learning.best import probability_best
from bandit_selector.lists.context import USER_TYPES, Context, context_at, user_type
from bandit_selector.lists.names import CONTROL, FALLBACK
from bandit_selector.lists.slate import Page, Place, bandit_slate, control_slate, is_treated
from bandit_selector.settings import Settings, parse_zone
from bandit_selector.store.connection import Database
from bandit_selector.store.serving import Belief, Visitor, read_visitor, record_slate

Group = Literal["treatment", "control"]


class Request(BaseModel):
    """The query of GET /movies/recommendations; parameters it does not name are ignored."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    user_id: Id
    limit: int = Field(default=30, ge=1, le=50)
    offset: int = Field(default=0, ge=0, le=1000)
    seed: str | None = Field(default=None, max_length=64)
    use_bandit: Literal["true", "false", "auto"] = "true"
    time_zone: Annotated[ZoneInfo | None, BeforeValidator(parse_zone)] = None


@dataclass(frozen=True, slots=True)
class Recommendations:
    """What was shown: the movies as the site's front end expects them, under which id, to which group, and when."""

    id: UUID
    group: Group
    context: Context
    movies: list[dict[str, Any]]
    fallback: bool


@dataclass(frozen=True, slots=True)
class Slate:
    """The places, and the version of the posteriors that drew them."""

    places: list[Place]
    fallback: bool
    version: int | None = None


def recommend(
    database: Database,
    request: Request,
    settings: Settings,
    now: datetime,
    new_id: Callable[[], UUID],
    randomness: Random,
    on_failure: Callable[[Exception], None],
) -> Recommendations:
    """Makes, records and returns one list; `on_failure` gets what fails in the bandit; the visitor still gets a list.

    Raises UnknownUser, DatabaseUnavailable, MissingTable.
    """
    zone = request.time_zone or settings.time_zone
    situations = {name: context_at(now, zone, name) for name in USER_TYPES}
    keys = [situation.key for situation in situations.values()]
    visitor = database.read(lambda connection: read_visitor(connection, request.user_id, keys, settings.arms))
    if not visitor.exists:
        raise UnknownUser(request.user_id)
    context = situations[user_type(visitor.ratings)]
    group = assign(request, settings)
    slate = make_slate(visitor, context, group, request, settings, randomness, on_failure)
    recommendation_id = new_id()
    rows = database.run(
        lambda connection: record_slate(
            connection, recommendation_id, request.user_id, slate.places,
            context.as_record(), slate.version, now,
        )
    )  # fmt: skip
    return Recommendations(
        recommendation_id, group, context, as_movies(rows, slate.places, recommendation_id), slate.fallback
    )


def assign(request: Request, settings: Settings) -> Group:
    """The request's A/B group: as it asks, or by the sticky split."""
    treated = {
        "true": True,
        "false": False,
        "auto": is_treated(request.user_id, settings.experiment_salt, settings.treatment_share),
    }
    return "treatment" if treated[request.use_bandit] else "control"


def make_slate(
    visitor: Visitor,
    context: Context,
    group: Group,
    request: Request,
    settings: Settings,
    randomness: Random,
    on_failure: Callable[[Exception], None],
) -> Slate:
    """The group's list; the control blend, named a fallback, when the bandit's own fails."""
    page = Page(request.offset, request.limit, settings.min_long_tail_share)
    if group == "treatment":
        try:
            return _drawn(visitor, context, page, settings, randomness)
        except Exception as error:  # whatever it is, the visitor still gets a list
            on_failure(error)
    fallback = group == "treatment"
    algorithm = FALLBACK if fallback else CONTROL
    return Slate(control_slate(visitor.candidates, settings.control_weights, page, randomness, algorithm), fallback)


def _drawn(visitor: Visitor, context: Context, page: Page, settings: Settings, randomness: Random) -> Slate:
    beliefs = visitor.beliefs.get(context.key, ())
    places = bandit_slate(visitor.candidates, probabilities(beliefs, settings), page, randomness)
    version = max((belief.version for belief in beliefs if belief.version is not None), default=None)
    return Slate(places, fallback=False, version=version)


def probabilities(beliefs: Sequence[Belief], settings: Settings) -> Mapping[str, float]:
    """Per configured arm, its chance: as published; before anything is, P(best) of Beta(alpha, beta), with the floor.

    An arm configured after the last publication gets an even share; one no longer configured gets none.
    """
    known = {belief.arm: belief for belief in beliefs}
    published = {arm: belief.probability for arm, belief in known.items() if belief.probability is not None}
    if published:
        return {arm: published.get(arm, 1 / len(settings.arms)) for arm in settings.arms}
    counts = [
        (known[arm].alpha, known[arm].beta) if arm in known else (settings.prior_alpha, settings.prior_beta)
        for arm in settings.arms
    ]
    alpha, beta = np.array(counts).T
    floor = min(settings.min_arm_probability, 1 / len(settings.arms))
    chances = floor + (1 - len(settings.arms) * floor) * probability_best(alpha, beta)
    return dict(zip(settings.arms, chances.tolist(), strict=True))


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
