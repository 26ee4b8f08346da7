"""Reads API Gateway's events (payload 2.0) and writes answers and problem details (RFC 9457). Decides nothing."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final, TypeAlias

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from bandit_selector.errors import (
    BanditSelectorError,
    DatabaseUnavailable,
    ForeignUser,
    MissingTable,
    NoReport,
    QueueUnavailable,
    UnknownUser,
)

Event: TypeAlias = dict[str, Any]
HttpAnswer: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, Any], HttpAnswer]

RETRY_AFTER_SECONDS: Final = 5
STATUS: Final[dict[type[BanditSelectorError], tuple[int, str]]] = {
    UnknownUser: (404, "Unknown user"),
    NoReport: (404, "No report yet"),
    ForeignUser: (403, "Not your user"),
    DatabaseUnavailable: (503, "The database is unavailable"),
    QueueUnavailable: (503, "The queue is unavailable"),
    MissingTable: (500, "The database is not migrated"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of the token that the authorizer accepted, and the token's scopes."""

    subject: str
    scopes: frozenset[str]

    def acts_for(self, user_id: int) -> None:
        """Raises ForeignUser unless the token belongs to this user or has the scope `service`."""
        if "service" not in self.scopes and self.subject != str(user_id):
            raise ForeignUser(user_id, self.subject)


def caller(event: Event, claim: str) -> Caller:
    """Reads the claims of API Gateway's JWT authorizer. A scope `server/name` becomes `name`."""
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    scopes = str(claims.get("scope", "")).split()
    return Caller(str(claims.get(claim, "")), frozenset(scope.rpartition("/")[2] for scope in scopes))


def query_of(event: Event) -> dict[str, str]:
    """The query parameters that have a value."""
    given: dict[str, str] = event.get("queryStringParameters") or {}
    return {name: value for name, value in given.items() if value}


def path_of(event: Event) -> dict[str, str]:
    """The path's parameters."""
    return event.get("pathParameters") or {}


def body_of(event: Event) -> bytes:
    """The body's bytes, empty when there is none."""
    body: str = event.get("body") or ""
    return b64decode(body) if event.get("isBase64Encoded") else body.encode()


def received_at(event: Event) -> datetime:
    """When the gateway received the request; a request has no other clock."""
    return datetime.fromtimestamp(event["requestContext"]["timeEpoch"] / 1000, UTC)


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """A JSON answer."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps(body, separators=(",", ":"), default=str),
    }


def problem(status: int, title: str, detail: str, **more: object) -> HttpAnswer:
    """A problem-details answer (RFC 9457); a 503 says when to retry."""
    headers = {"content-type": "application/problem+json"}
    if status == 503:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return answer(status, {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}, headers)


def answers_problems(logger: Logger) -> Callable[[Handler], Handler]:
    """Decorates a handler: it answers the product's errors with problem details and logs each error once."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def answering(event: Event, context: Any) -> HttpAnswer:
            try:
                return handler(event, context)
            except ValidationError as error:
                return invalid(error)
            except BanditSelectorError as error:
                status, title = STATUS.get(type(error), (500, "Bandit Selector failed"))
                (logger.error if status >= 500 else logger.info)(str(error))
                return problem(status, title, str(error))

        return answering

    return decorate


def invalid(error: ValidationError) -> HttpAnswer:
    """A 422 that names each wrong field, its value, and what the value should be."""
    faults = [
        {"field": ".".join(map(str, fault["loc"])) or "body", "message": fault["msg"], "value": fault["input"]}
        for fault in error.errors(include_url=False, include_context=False)
    ]
    detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return problem(422, "The request cannot be understood", detail, errors=faults)
