"""One request's list: context, group, slate, and the record of what was shown. Knows the order of things only."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bandit_selector.errors import UnknownUser
from bandit_selector.feedback import Id
from bandit_selector.health.genres import parse_genres
from bandit_selector.learning.best import probability_best
from bandit_selector.lists.context import USER_TYPES, Context, context_at, user_type
from bandit_selector.lists.names import CONTROL, FALLBACK
from bandit_selector.lists.slate import ArmList, Guards, Page, Place, Stock, bandit_slate, control_slate, is_treated
from bandit_selector.settings import Settings, parse_zone
from bandit_selector.store.connection import Database
from bandit_selector.store.serving import Belief, Recorded, Showing, Visitor, read_visitor, record_list

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
    """What was shown: the movies as the site's front end expects them, under which id, to which group, and when.

    `id` is None for an empty list, which is not recorded.
    """

    id: UUID | None
    group: Group
    context: Context
    movies: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Slate:
    """The places, and the version of the posteriors that drew them."""

    places: list[Place]
    version: int | None = None


def recommend(
    database: Database,
    request: Request,
    settings: Settings,
    now: datetime,
    randomness: Random,
    on_failure: Callable[[Exception], None],
) -> Recommendations:
    """Makes, records and returns one list; `on_failure` gets what fails in the bandit, and the visitor a control list.

    Raises UnknownUser, DatabaseUnavailable, MissingTable.
    """
    zone = request.time_zone or settings.time_zone
    # The kind of visitor follows from the ratings that the same round trip reads, so it asks for all three contexts.
    situations = {name: context_at(now, zone, name) for name in USER_TYPES}
    keys = [situation.key for situation in situations.values()]
    visitor = database.read(lambda connection: read_visitor(connection, request.user_id, keys))
    if not visitor.exists:
        raise UnknownUser(request.user_id)
    context = situations[user_type(len(visitor.rated))]
    group = assign(request, settings)
    slate = make_slate(visitor, context, group, request, settings, randomness, on_failure)
    showing = Showing(request.user_id, context.key, group, settings.silence, request.seed, slate.version)
    recorded = database.run(lambda connection: record_list(connection, slate.places, showing, now))
    if recorded is None:
        return Recommendations(None, group, context, [])
    return Recommendations(recommendation_id(recorded.list_id), group, context, as_movies(recorded, slate.places))


def assign(request: Request, settings: Settings) -> Group:
    """The request's A/B group: as it asks, or by the sticky split."""
    treated = {
        "true": True,
        "false": False,
        "auto": is_treated(request.user_id, settings.experiment_salt, settings.treatment_share),
    }
    return "treatment" if treated[request.use_bandit] else "control"


def recommendation_id(list_id: int) -> UUID:
    """The list's id in the form of a UUID, as the SQL function bandit_recommendation_id makes it."""
    return UUID(int=8 << 76 | 8 << 60 | list_id)


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
    stock = Stock(visitor.own, visitor.everybodys, visitor.rated)
    if group == "treatment":
        try:
            return _drawn(stock, visitor.beliefs.get(context.key, ()), page, settings, randomness)
        except Exception as error:  # whatever it is, the visitor still gets a list
            on_failure(error)
    algorithm = CONTROL if group == "control" else FALLBACK
    stock = replace(stock, own=_of(stock.own, settings.arms), everybodys=_of(stock.everybodys, settings.arms))
    return Slate(control_slate(stock, settings.control_weights, page, randomness, algorithm))


def _of(lists: Mapping[str, ArmList], arms: Sequence[str]) -> dict[str, ArmList]:
    return {arm: lists[arm] for arm in arms if arm in lists}


def _drawn(stock: Stock, beliefs: Sequence[Belief], page: Page, settings: Settings, randomness: Random) -> Slate:
    guards = Guards(settings.min_arm_probability, settings.max_algorithm_dominance)
    places = bandit_slate(stock, probabilities(beliefs, settings), page, guards, randomness)
    return Slate(places, max((belief.version for belief in beliefs if belief.version is not None), default=None))


def probabilities(beliefs: Sequence[Belief], settings: Settings) -> Mapping[str, float]:
    """Per configured arm, its chance: as published; before anything is, P(best) of Beta(alpha, beta) as learned.

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
    return dict(zip(settings.arms, probability_best(alpha, beta).tolist(), strict=True))


def as_movies(recorded: Recorded, places: Sequence[Place]) -> list[dict[str, Any]]:
    """The site's own columns of each movie, and under which event it was shown; genres always as a list."""
    first = places[0].position if places else 1
    return [
        {
            **movie,
            "genres": list(parse_genres(as_text(movie.get("genres")))),
            "algorithm": places[index].algorithm,
            "position": first + place - 1,
            "propensity": places[index].propensity,
            "event_id": recorded.list_id * 64 + place,
            "recommendation_id": str(recommendation_id(recorded.list_id)),
        }
        for place, (index, movie) in enumerate(recorded.movies, start=1)
    ]


def as_text(genres: object) -> str | None:
    """Genres as `parse_genres` reads them, from a column of text or of JSON."""
    return genres if isinstance(genres, str) or genres is None else json.dumps(genres)
