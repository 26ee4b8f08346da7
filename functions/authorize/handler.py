"""API Gateway's authorizer for the site's own tokens: a header in, the visitor's user id or a refusal out.

A refusal is allowed through with its reason, and every function answers it with 401: an HTTP API would answer 403, and
a front end refreshes its token on 401 alone (bandit_selector.web).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from bandit_selector.settings import Settings, read_platform, read_settings
from bandit_selector.snapstart import forget_at_snapshot
from bandit_selector.store.connection import Database
from bandit_selector.store.credentials import database_url, read_secret
from bandit_selector.store.users import user_id_of
from bandit_selector.telemetry import Telemetry

from functions.authorize.kept import Kept
from functions.authorize.tokens import Refused, check

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS), statement_seconds=3, plan_once=True, pooled=SETTINGS.database_pooled, patience=4
)
TELEMETRY: Final = Telemetry("authorize", SETTINGS.log_sample)
KEY: Final = Kept(lambda arn: read_secret(arn, read_platform(), datetime.now(UTC)).strip(), monotonic)
USERS: Final = Kept(
    lambda subject: DATABASE.read(lambda connection: user_id_of(connection, SETTINGS.site_user_column, subject)),
    monotonic,
)
forget_at_snapshot(DATABASE.close)
forget_at_snapshot(KEY.forget)
forget_at_snapshot(USERS.forget)


@TELEMETRY.handling
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers one request of a Lambda authorizer, payload 2.0, with a simple response."""
    (header,) = event["identitySource"]
    return decide(header, SETTINGS, KEY, USERS.get)


def decide(header: str, settings: Settings, keys: Kept[str], user_of: Callable[[str], int | None]) -> dict[str, Any]:
    """The authorizer's answer to an Authorization header; what it refuses, it logs without the token."""
    try:
        user_id, expires_at = _visitor(header, settings, keys, user_of)
    except Refused as error:
        TELEMETRY.logger.info("A token of the site was refused", reason=str(error))
        return {"isAuthorized": True, "context": {"refused": str(error)}}
    return {"isAuthorized": True, "context": {"user_id": str(user_id), "expires_at": str(expires_at)}}


def _visitor(header: str, settings: Settings, keys: Kept[str], user_of: Callable[[str], int | None]) -> tuple[int, int]:
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer":
        raise Refused("The header is not of the form `Bearer TOKEN`")
    arn, audience = settings.site_tokens, settings.site_token_audience
    try:
        good = check(token.strip(), keys.get(arn), audience)
    except Refused:
        good = check(token.strip(), keys.renewed(arn), audience)  # the site may have another key by now
    user_id = user_of(good.subject)
    if user_id is None:
        raise Refused("The token names no user of the site")
    return user_id, good.expires_at
