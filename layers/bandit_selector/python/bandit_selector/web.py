"""Reads API Gateway's events (payload 2.0) and writes answers and problem details (RFC 9457). Decides nothing."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final, TypeAlias

from aws_lambda_powertools import Logger

from bandit_selector.errors import (
    BanditSelectorError,
    BodyTooLarge,
    DatabaseUnavailable,
    DatabaseWaking,
    ForeignUser,
    InvalidRequest,
    MissingScope,
    MissingTable,
    NoReport,
    OutdatedReport,
    QueueUnavailable,
    RefusedToken,
    TooManyRequests,
    UnknownUser,
)
from bandit_selector.faults import Model, refuse_unreadable, validated
from bandit_selector.jsontext import as_json
from bandit_selector.scopes import Scope, granted

Event: TypeAlias = dict[str, Any]
HttpAnswer: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, Any], HttpAnswer]

RETRY_AFTER_SECONDS: Final = 5
WAKING_SECONDS: Final = 15
"""Aurora's own figure for resuming after a pause."""
MAX_BODY: Final = 8_000
"""Bytes of a body that a visitor may send."""
MAX_SERVICE_BODY: Final = 256_000
"""Bytes of a body with candidates, from a caller with the scope `service`."""
NUL: Final = rb"\u0000"
REQUEST_ID: Final = "x-request-id"


@dataclass(frozen=True, slots=True)
class Public:
    """What a caller is told about an error. Without `sentence` it is the error's own, about what the caller sent."""

    status: int
    title: str
    sentence: str = ""
    retry_after: int = RETRY_AFTER_SECONDS


PUBLIC: Final[dict[type[BanditSelectorError], Public]] = {
    InvalidRequest: Public(422, "The request cannot be understood"),
    BodyTooLarge: Public(413, "The body is too large"),
    UnknownUser: Public(404, "Unknown user"),
    NoReport: Public(404, "No report yet"),
    OutdatedReport: Public(404, "No report of this version yet"),
    ForeignUser: Public(403, "Not your user"),
    RefusedToken: Public(401, "The token was refused"),
    TooManyRequests: Public(429, "Too many requests"),
    MissingScope: Public(403, "Not for this token"),
    DatabaseUnavailable: Public(503, "The database is unavailable", "The database did not answer; try again soon."),
    DatabaseWaking: Public(
        503,
        "The database is waking up",
        f"The database had paused and is waking up; try again in {WAKING_SECONDS} seconds.",
        WAKING_SECONDS,
    ),
    QueueUnavailable: Public(503, "The queue is unavailable", "The feedback was not taken; send it again soon."),
    MissingTable: Public(
        500, "The database is not migrated", "A table is missing; run `./dev migrate` against the database."
    ),
}
UNKNOWN: Final = Public(500, "Bandit Selector failed", "The service could not answer; its log has the reason.")
"""What a caller is told about every error that is not in PUBLIC."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of the token that the authorizer accepted, and those of the token's scopes that mean something here."""

    subject: str
    scopes: frozenset[Scope]

    @property
    def is_service(self) -> bool:
        """Whether it may act for any user."""
        return "service" in self.scopes

    def acts_for(self, user_id: int) -> None:
        """Raises ForeignUser unless the token belongs to this user or has the scope `service`."""
        if not self.is_service and self.subject != str(user_id):
            raise ForeignUser(user_id, self.subject)

    def needs(self, scope: Scope) -> None:
        """Raises MissingScope unless the token has it."""
        if scope not in self.scopes:
            raise MissingScope(scope)


def caller(event: Event, claim: str) -> Caller:
    """The caller, from the claims of API Gateway's JWT authorizer, of which `claim` holds the user's id; or, where the
    site's own tokens are checked, from what that authorizer says. A site's token has no scope here."""
    authorizer = event["requestContext"]["authorizer"]
    if "lambda" in authorizer:
        return Caller(_checked(authorizer["lambda"], received_at(event)), frozenset())
    claims = authorizer["jwt"]["claims"]
    return Caller(str(claims.get(claim, "")), granted(claims))


def _checked(said: Mapping[str, str] | None, now: datetime) -> str:
    """The user id in what our authorizer said; raises RefusedToken, also for a token that has expired since then."""
    said = said or {}
    if "user_id" not in said or "refused" in said:
        raise RefusedToken(said.get("refused", "the authorizer named no user"))
    if int(said["expires_at"]) <= now.timestamp():
        raise RefusedToken("Signature has expired")
    return said["user_id"]


def _refused_token(event: Event) -> None:
    """Raises RefusedToken before a function sees the request, whether or not it asks who calls."""
    if "lambda" in (event["requestContext"].get("authorizer") or {}):
        caller(event, "")


def read_query(event: Event, model: type[Model]) -> Model:
    """The query as a `model`; parameters without a value, or that it does not name, are ignored.

    Raises InvalidRequest; also for text that PostgreSQL cannot hold.
    """
    given: dict[str, str] = event.get("queryStringParameters") or {}
    known = {name: value for name, value in given.items() if value and name in model.model_fields}
    refuse_unreadable(known)
    return validated(lambda: model.model_validate(known))


def read_body(event: Event, model: type[Model], most: int = MAX_BODY) -> Model:
    """The JSON body as a `model`; raises InvalidRequest, and BodyTooLarge beyond `most` bytes.

    A body with text that PostgreSQL cannot hold is refused; JSON can write NUL in one way only, and the parser refuses
    half of a surrogate pair.
    """
    body: str = event.get("body") or ""
    content = b64decode(body) if event.get("isBase64Encoded") else body.encode(errors="surrogatepass")
    if len(content) > most:
        raise BodyTooLarge(len(content), most)
    made = validated(lambda: model.model_validate_json(content))
    if NUL in content:
        refuse_unreadable(made.model_dump())
    return made


def path_of(event: Event) -> dict[str, str]:
    """The path's parameters."""
    return event.get("pathParameters") or {}


def read_path(event: Event, model: type[Model]) -> Model:
    """The path's parameters as a `model`; raises InvalidRequest."""
    return validated(lambda: model.model_validate(path_of(event)))


def received_at(event: Event) -> datetime:
    """When the gateway received the request; a request has no other clock."""
    return datetime.fromtimestamp(event["requestContext"]["timeEpoch"] / 1000, UTC)


def request_id(event: Event) -> str:
    """The gateway's id of the request, which its access log has, too."""
    return str(event["requestContext"].get("requestId", ""))


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """A JSON answer."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": as_json(body),
    }


def problem(status: int, title: str, detail: str, **more: object) -> HttpAnswer:
    """A problem-details answer (RFC 9457); a 503 says when to retry."""
    headers = {"content-type": "application/problem+json"}
    if status == 503:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if status == 401:
        headers["www-authenticate"] = 'Bearer error="invalid_token"'
    return answer(status, {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}, headers)


def answers_problems(logger: Logger) -> Callable[[Handler], Handler]:
    """Decorates a handler: it answers the product's errors with problem details and logs each error once.

    The caller gets a fixed sentence and the request's id, the log the details and the same id. An error that is not
    the product's is logged with its id and raised: for Lambda it is a failed invocation, which has an alarm.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def answering(event: Event, context: Any) -> HttpAnswer:
            known_as = request_id(event)
            logger.append_keys(request_id=known_as)
            try:
                _refused_token(event)
                found = handler(event, context)
            except BanditSelectorError as error:
                found = _told(error, known_as, logger)
            except Exception:
                logger.exception("An unknown fault")
                raise
            return found | {"headers": {**found["headers"], REQUEST_ID: known_as}}

        return answering

    return decorate


def _told(error: BanditSelectorError, known_as: str, logger: Logger) -> HttpAnswer:
    """Logs an error with all it says, and answers what the caller may know of it."""
    public = PUBLIC.get(type(error), UNKNOWN)
    if public.status >= 500:
        logger.error(error.in_log, exc_info=error)
    else:
        logger.info(error.in_log)
    faults = {"errors": error.faults} if isinstance(error, InvalidRequest) else {}
    told = problem(public.status, public.title, public.sentence or str(error), instance=known_as, **faults)
    if public.status == 503:
        told["headers"]["retry-after"] = str(public.retry_after)
    if isinstance(error, TooManyRequests):
        told["headers"]["retry-after"] = str(error.seconds)
    return told
