"""Answers what needs no database: the dashboard, the reference, /health, the queue's counts. Opens no connection."""

from typing import Any, Final, Literal

from bandit_selector.settings import Settings, read_settings
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import Event, HttpAnswer, answer, answers_problems, caller, path_of
from pydantic import BaseModel

from functions.monitor import page, reference

SETTINGS: Final = read_settings()
TELEMETRY: Final = Telemetry("page", SETTINGS.log_sample)
QUEUE: Final = "GET /analytics/queue"


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"] = "ok"


@TELEMETRY.handling
@answers_problems(TELEMETRY.logger)
def handler(event: Event, _context: object) -> HttpAnswer:
    """Answers one request of HTTP API payload 2.0."""
    return respond(event, SETTINGS)


def respond(event: Event, settings: Settings) -> HttpAnswer:
    """The answer of a route; /health says that the API and a function answer, and asks nothing else."""
    route = event["routeKey"]
    if route.startswith("GET /dashboard"):
        return page.serve(path_of(event).get("asset", page.INDEX), settings, event.get("headers") or {})
    if route.startswith("GET /docs"):
        return reference.serve(path_of(event).get("asset", page.INDEX), settings, event.get("headers") or {})
    if route == "GET /openapi.json":
        return reference.document(settings, event.get("headers") or {})
    if route == "GET /health":
        return answer(200, Health().model_dump())
    caller(event, settings.user_id_claim).needs("analytics")
    return answer(200, _backlog(settings), {"cache-control": "private, no-store"})


def _backlog(settings: Settings) -> dict[str, Any]:
    """The queue's counts now."""
    # Imported here, because boto3 would make every cold start slower and only this route needs it.
    from functions.monitor import backlog

    found = backlog.read_backlog(backlog.hurried_sqs(), settings.feedback_queue_url, _unread)
    return found.model_dump(mode="json")


def _unread(sentence: str, error: Exception) -> None:
    TELEMETRY.logger.error(sentence, exc_info=error)
