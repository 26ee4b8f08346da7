"""One request's list: context, group, slate, and the record of what was shown. Knows the order of things only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from bandit_selector.errors import DatabaseUnavailable, UnknownUser
from bandit_selector.evidence.requests import Requests
from bandit_selector.health.genres import genres_of
from bandit_selector.lists.context import Context, user_type
from bandit_selector.lists.names import CONTROL, FALLBACK, OFF
from bandit_selector.lists.session import ARM as SESSION_ARM
from bandit_selector.lists.session import session_list
from bandit_selector.lists.shadow import Shadow
from bandit_selector.lists.slate import ArmList, Page, Place, Stock, bandit_slate, control_slate
from bandit_selector.lists.windows import Shown, length, missing
from bandit_selector.services.asked import (
    OwnCandidates,
    Request,
    keys_of,
    own_lists,
)
from bandit_selector.services.assignment import Group, assign, compared, share_in_force, test_of
from bandit_selector.services.chances import believed, newest_version, probabilities
from bandit_selector.services.meter import Meter
from bandit_selector.services.sessions import contexts_by_session, reactions
from bandit_selector.services.shadow import Chances, with_shadow
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database
from bandit_selector.store.movies import movie_json
from bandit_selector.store.paging import read_shown, record_pages, shown_of
from bandit_selector.store.serving import Answered, Belief, Rows, Visitor, read_visitor_and, record_list
from bandit_selector.store.showing import Showing

NO_FIELDS: Final[Mapping[str, object]] = MappingProxyType({})
ATTEMPTS: Final = 5
"""How often a page is made again because another page of its list was recorded meanwhile."""


@dataclass(frozen=True, slots=True)
class Recommendations:
    """What was shown: the movies as the site's front end expects them, under which id, to which group, and when.

    `id` is that of the first movie's list; None for an empty answer, which is not recorded.
    """

    id: UUID | None
    group: Group | None
    context: Context
    movies: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Slate:
    """The places, the version of the posteriors that drew them, and what was drawn beside them and is not shown."""

    places: list[Place]
    version: int | None = None
    shadow: Shadow | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Who asks for what, when, and what is known of them: all that a list is made of."""

    visitor: Visitor
    context: Context
    group: Group | None
    request: Request
    settings: Settings
    on_failure: Callable[[Exception], None]
    share: float  # of treatment, in force
    requests: Mapping[str, Requests] = field(default_factory=dict[str, Requests])  # to write with the list

    def stock(self) -> Stock:
        """The visitor's lists; in a session of the treatment group, with the list that follows from it."""
        visitor = self.visitor
        return self.treatments() if self.group == "treatment" else Stock(visitor.own, visitor.everybodys, visitor.rated)

    def treatments(self) -> Stock:
        """The visitor's lists, in a session with the list that follows from it."""
        visitor = self.visitor
        own = visitor.own
        if visitor.session and SESSION_ARM in self.settings.arms:
            try:
                made = session_list(visitor.session, visitor.rated)
            except Exception as error:  # whatever it is, the nightly list is still there
                self.on_failure(error)
            else:
                own = own if made is None else {**own, SESSION_ARM: made}
        return Stock(own, visitor.everybodys, visitor.rated)

    def showing(self, version: int | None, known: int | None = None) -> Showing:
        request = self.request
        settings = self.settings
        return Showing(
            user_id=request.user_id,
            context_key=self.context.key,
            ab_group=self.group,
            silence=settings.silence,
            seed=request.seed,
            version=version,
            bound=settings.max_places_per_visitor,
            known=known,
            movie=movie_json(self.visitor.columns, settings.movie_columns),
            test=test_of(self.group, settings),
            share=self.share,
            requests=self.requests,
        )


def recommend(
    database: Database,
    request: Request,
    settings: Settings,
    now: datetime,
    randomness: Random,
    on_failure: Callable[[Exception], None],
    meter: Meter,
    fields: Mapping[str, object] = NO_FIELDS,
) -> Recommendations:
    """Makes, records and returns one list; `on_failure` gets what fails in the bandit, and the visitor a control list.

    `meter` counts the request, and what it has counted is written with the list.

    `fields` are those of the request; CONTEXT_FACTORS names the ones that make the context. A request with candidates
    of its own is answered from those alone.
    With a seed, the answer is a window of the seed's list: what was shown before is answered again, as the same
    impressions. Raises UnknownUser, DatabaseUnavailable, MissingTable.
    """
    with meter.request(request.user_id) as metered:
        for _ in range(ATTEMPTS):
            situation, rows = _situation(database, request, settings, now, on_failure, fields)
            metered.group = compared(situation.group, settings)
            situation = replace(situation, requests=metered.carries)
            if request.seed is None:
                answered = _whole(database, situation, now, randomness)
            else:
                answered = _window(database, situation, shown_of(rows), len(rows), now, randomness)
            if answered is not None:
                return _recommendations(situation, answered)
        raise DatabaseUnavailable("Other pages of this list are being made at the same time; ask for this one again.")


def draft(
    database: Database,
    request: Request,
    settings: Settings,
    now: datetime,
    randomness: Random,
    on_failure: Callable[[Exception], None],
) -> list[Place]:
    """The list that the request would be answered with; nothing is recorded of it, and nobody is shown it."""
    situation, _ = _situation(database, request, settings, now, on_failure, NO_FIELDS)
    page = Page(request.offset, request.limit, settings.min_long_tail_share)
    return make_slate(situation, situation.stock(), page, randomness).places


def _situation(
    database: Database,
    request: Request,
    settings: Settings,
    now: datetime,
    on_failure: Callable[[Exception], None],
    fields: Mapping[str, object],
) -> tuple[Situation, Rows]:
    """Reads the situation, and the lists that the request's seed has shown."""
    outside, inside = contexts_by_session(request, settings, now, fields)
    keys = keys_of([*outside.values(), *inside.values()])
    seed = request.seed
    more = None if seed is None else partial(read_shown, user_id=request.user_id, seed=seed, now=now)
    sent = own_lists(request.candidates) if isinstance(request, OwnCandidates) else None
    recent = reactions(request, settings, now)
    visitor, rows = database.read(
        lambda connection: read_visitor_and(connection, request.user_id, keys, more, sent, recent)
    )
    if not visitor.exists:
        raise UnknownUser(request.user_id)
    share = share_in_force(visitor, settings, now)
    group = assign(request, settings, share, rows[0][2] if rows else None)
    context = (inside if visitor.session else outside)[user_type(len(visitor.rated))]
    return Situation(visitor, context, group, request, settings, on_failure, share), rows


def _whole(database: Database, situation: Situation, now: datetime, randomness: Random) -> list[Answered] | None:
    """A list of its own."""
    request = situation.request
    page = Page(request.offset, request.limit, situation.settings.min_long_tail_share)
    slate = make_slate(situation, situation.stock(), page, randomness)
    showing = situation.showing(slate.version)
    return database.run(lambda connection: record_list(connection, slate.places, showing, now, slate.shadow))


def _window(
    database: Database, situation: Situation, shown: Sequence[Shown], lists: int, now: datetime, randomness: Random
) -> list[Answered] | None:
    """A window of the seed's list; None if another request has extended the list meanwhile."""
    request, visitor = situation.request, situation.visitor
    taken = {one.place.position: one for one in shown}
    stock = situation.stock()
    last = min(request.offset + request.limit, length(stock, shown))
    again = [taken[at] for at in range(request.offset + 1, last + 1) if at in taken]
    avoided = {*visitor.rated, *(one.place.movie_id for one in shown)}
    pages: list[tuple[list[Place], Shadow | None]] = []
    version = None
    for run in missing(request.offset + 1, last, taken):
        page = Page(0, len(run), situation.settings.min_long_tail_share)
        slate = make_slate(situation, replace(stock, rated=avoided), page, randomness)
        avoided |= {place.movie_id for place in slate.places}
        moved = [place.at(place.position + run.start - 1) for place in slate.places]
        pages.append((moved, slate.shadow))
        version = slate.version
    showing = situation.showing(version, lists)
    made = database.run(
        lambda connection: record_pages(connection, [page for page in pages if page[0]], again, showing, now)
    )
    return sorted([*made[0], *made[1]], key=lambda answered: answered[0].place.position) if made else None


def _recommendations(situation: Situation, answered: Sequence[Answered]) -> Recommendations:
    first = recommendation_id(answered[0][0].list_id) if answered else None
    return Recommendations(first, situation.group, situation.context, as_movies(answered))


def recommendation_id(list_id: int) -> UUID:
    """The list's id in the form of a UUID, as the SQL function bandit_recommendation_id makes it."""
    return UUID(int=8 << 76 | 8 << 60 | list_id)


def make_slate(situation: Situation, stock: Stock, page: Page, randomness: Random) -> Slate:
    """The group's list; the control blend, named a fallback, when the bandit's own fails."""
    settings = situation.settings
    if settings.bandit == "shadow":
        return _shadowed(situation, stock, page, randomness)
    if situation.group == "treatment":
        beliefs = believed(situation.visitor, situation.context)
        try:
            return _drawn(stock, beliefs, page, settings, randomness)
        except Exception as error:  # whatever it is, the visitor still gets a list
            situation.on_failure(error)
    algorithm = {"control": CONTROL, "treatment": FALLBACK, None: OFF}[situation.group]
    return Slate(control_slate(_configured(stock, settings), settings.control_weights, page, randomness, algorithm))


def _shadowed(situation: Situation, stock: Stock, page: Page, randomness: Random) -> Slate:
    """Control's list, and treatment's beside it."""
    settings = situation.settings
    control = _configured(stock, settings), settings.control_weights
    treatments = replace(situation.treatments(), rated=stock.rated)

    def chances() -> Chances:
        beliefs = believed(situation.visitor, situation.context)
        return Chances(probabilities(beliefs, settings), newest_version(beliefs))

    places, shadow = with_shadow(control, treatments, chances, page, randomness, situation.on_failure)
    return Slate(places, None, shadow)


def _configured(stock: Stock, settings: Settings) -> Stock:
    return replace(stock, own=_of(stock.own, settings.arms), everybodys=_of(stock.everybodys, settings.arms))


def _of(lists: Mapping[str, ArmList], arms: Sequence[str]) -> dict[str, ArmList]:
    return {arm: lists[arm] for arm in arms if arm in lists}


def _drawn(stock: Stock, beliefs: Sequence[Belief], page: Page, settings: Settings, randomness: Random) -> Slate:
    places = bandit_slate(stock, probabilities(beliefs, settings), page, randomness)
    return Slate(places, newest_version(beliefs))


def as_movies(answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """The site's own columns of each movie, and under which event it was shown; genres always as a list."""
    names = {list_id: str(recommendation_id(list_id)) for list_id in {shown.list_id for shown, _ in answered}}
    return [
        {
            **movie,
            "genres": list(genres_of(movie.get("genres"))),
            "algorithm": shown.place.algorithm,
            "position": shown.place.position,
            "propensity": shown.place.propensity,
            "event_id": shown.event_id,
            "recommendation_id": names[shown.list_id],
        }
        for shown, movie in answered
    ]
