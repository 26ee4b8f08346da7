"""What each route of infra.service takes and answers, by the models that its function reads and writes."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bandit_selector.answers.performance import Performance
from bandit_selector.answers.reports import Reports
from bandit_selector.answers.selection import MovieAnswer, SelectionAnswer
from bandit_selector.answers.shipping import TeamStats
from bandit_selector.answers.stats import Backlog, RecommendationStats
from bandit_selector.answers.timeline import Timeline
from bandit_selector.services.asked import OwnCandidates, Request
from bandit_selector.services.report import Report
from bandit_selector.services.select_arms import SelectionRequest
from bandit_selector.web import MAX_BODY, MAX_SERVICE_BODY
from pydantic import BaseModel

from functions.feedback.ingest import ACTIONS, BODIES, AllTracked, Reaction, Reactions, Tracked
from functions.monitor.analytics import Filter, Quarter, Span, Year
from functions.monitor.open_routes import Health

TRACK: Final = "POST /analytics/track/{action}"
LIST_HEADERS: Final = MappingProxyType(
    {
        "X-Recommendation-Id": "The list's id; missing for an empty list, which is not recorded.",
        "X-AB-Group": "`treatment`, `control`, or `none` while BANDIT is `off` or `shadow`.",
        "X-Context-Key": "The context, for instance `evening|weekend|power_user`.",
    }
)


@dataclass(frozen=True, slots=True)
class Described:
    """One route: what it is for, its query or body, and its answer: a model, a list of one, or a kind of file."""

    summary: str
    text: str
    answer: type[BaseModel] | str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    most: int = MAX_BODY
    status: int = 200
    many: bool = False
    headers: MappingProxyType[str, str] = MappingProxyType({})
    path: tuple[str, str] | None = None
    errors: tuple[int, ...] = ()


ROUTES_DESCRIBED: Final[dict[str, Described]] = {
    "GET /movies/recommendations": Described(
        "A list for a visitor",
        "The list is recorded; report feedback with each movie's `event_id`. A query field that CONTEXT_FACTORS names"
        " makes the context, too.",
        MovieAnswer, query=Request, many=True, headers=LIST_HEADERS, errors=(404, 429),
    ),
    "POST /movies/recommendations": Described(
        "A list made of the caller's own candidates",
        "For a site whose algorithms run live. Only the candidates in the body are shown, so the list may be shorter"
        " than `limit`; movies that the visitor has rated, and those that `movies` lacks, are left out.",
        MovieAnswer, body=OwnCandidates, most=MAX_SERVICE_BODY, many=True, headers=LIST_HEADERS, errors=(404,),
    ),
    "POST /selections": Described(
        "Arms for places that the site fills",
        "Show each arm's best item at its place, and report the `event_id` of what was shown by"
        " `POST /analytics/track/seen`. A place that is not reported, and gets no reaction, has no outcome. Items need"
        " not be in `movies`, nor visitors in `users`.",
        SelectionAnswer, body=SelectionRequest, errors=(429,),
    ),
    "POST /analytics/track": Described(
        "Up to 25 reactions at once",
        "All are taken or none. Reactions that are sent twice count once.",
        AllTracked, body=Reactions, status=202, errors=(429,),
    ),
    TRACK: Described(
        "One reaction",
        "Answers once the queue has it. A reaction that is sent twice counts once; one that matches nothing shown is"
        " recorded and counts nowhere.",
        Tracked, body=Reaction, status=202, errors=(429,),
    ),
    "GET /analytics/bandit/stats": Described(
        "What the bandit has learned",
        "Rates are between 0 and 1; those of `shipping` are in percent.",
        TeamStats,
        query=Filter,
    ),
    "GET /analytics/performance": Described(
        "Each algorithm, and the test", "Rates are in percent, ratings in stars.", Performance, query=Year
    ),
    "GET /analytics/recommendations/stats": Described(
        "All lists together", "Rates are in percent.", RecommendationStats, query=Quarter
    ),
    "GET /analytics/timeline": Described(
        "Selection, success and the test over time", "Points are hours for up to three days, else days.", Timeline,
        query=Span,
    ),
    "GET /analytics/health": Described(
        "The newest daily report", "404 before the first, and if another version made it.", Report, errors=(404,)
    ),
    "GET /analytics/reports": Described(
        "The daily reports in short", "The newest of each day, newest day first, of a year at most.", Reports
    ),
    "GET /analytics/reports/{day}": Described(
        "The daily report of a day", "404 where the day has none, and if another version made it.", Report,
        path=("day", "2026-03-12"), errors=(404,)
    ),
    "GET /analytics/queue": Described("How much feedback waits", "Counts of the queue now.", Backlog),
    "GET /dashboard": Described("The dashboard", "The page holds no figures.", "text/html"),
    "GET /dashboard/{asset}": Described(
        "A file of the dashboard", "", "*/*", path=("asset", "app.js"), errors=(304, 404)
    ),
    "GET /docs": Described("This reference as a page", "It asks no other origin.", "text/html"),
    "GET /docs/{asset}": Described(
        "A file of this reference", "", "*/*", path=("asset", "index.html"), errors=(304, 404)
    ),
    "GET /openapi.json": Described("This reference", "OpenAPI 3.1.", "application/json"),
    "GET /health": Described("Whether the service answers", "Asks nothing else: no database, no queue.", Health),
}  # fmt: skip


def tracking() -> dict[str, Described]:
    """The route of each action, with its own body."""
    one = ROUTES_DESCRIBED[TRACK]
    return {
        f"POST /analytics/track/{name}": Described(
            name.replace("-", " ").capitalize(),
            one.text,
            one.answer,
            body=BODIES.get(action, Reaction),
            status=one.status,
            errors=one.errors,
        )
        for name, action in ACTIONS.items()
    }
