"""Sign-in on this machine: OAuth 2.1's authorization code with PKCE, without a password.

Knows codes and redirects; must not know how tokens are signed: `mint` is an argument.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import escape
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

AUTHORIZE: Final = "/local/sign-in"
TOKEN: Final = "/local/sign-in/token"  # noqa: S105 # an address
REVOKE: Final = "/local/sign-in/revoke"
CLIENT: Final = "dashboard"
CODE_LIVES: Final = timedelta(minutes=1)
SESSION_LIVES: Final = timedelta(hours=12)  # as Cognito's dashboard client has it
TOKEN_SECONDS: Final = 3600

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Mint: TypeAlias = Callable[[str], str]
"""Scopes, separated by spaces → a signed access token that lives for TOKEN_SECONDS."""

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><link rel="icon" href="data:,"><title>Sign in on this machine</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 1.05rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto; padding: 0 1.5rem }}
button {{ font: inherit; font-weight: 600; padding: .6rem 1.2rem; border: 0; border-radius: .5rem;
          background: #1f5fbf; color: #fff; cursor: pointer }}
</style></head><body><main>
<h1>Sign in on this machine</h1>
<p>This is the local issuer. It replaces Cognito’s hosted page and asks for no password,
because it listens on this machine only.</p>
<form method="post" action="{action}">{fields}<button autofocus>Continue as analyst</button></form>
</main></body></html>"""


class Authorization(BaseModel):
    """The dashboard's request; a code is sent to one of its own pages only."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    response_type: Literal["code"]
    client_id: Literal["dashboard"]
    redirect_uri: Annotated[str, Field(pattern=r"^http://(127\.0\.0\.1|localhost)(:\d+)?/dashboard$")]
    scope: str = "analytics"
    state: Annotated[str, Field(min_length=8)]
    code_challenge: Annotated[str, Field(min_length=43, max_length=43)]
    code_challenge_method: Literal["S256"]


class Renewal(BaseModel):
    """What the dashboard sends before its token ends."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    grant_type: Literal["refresh_token"]
    client_id: Literal["dashboard"]
    refresh_token: str


class Redemption(BaseModel):
    """What the dashboard sends with the code it got."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    grant_type: Literal["authorization_code"]
    client_id: Literal["dashboard"]
    code: str
    code_verifier: str
    redirect_uri: str


@dataclass(slots=True)
class Codes:
    """Issued codes, not yet redeemed; each works once, for a short time, and for its requester only."""

    granted: dict[str, tuple[Authorization, datetime]] = field(default_factory=dict)
    renewable: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def grant(self, asked: Authorization, now: datetime) -> str:
        code = secrets.token_urlsafe(32)
        self.granted[code] = asked, now + CODE_LIVES
        return code

    def redeem(self, given: Redemption, now: datetime) -> str | None:
        """The granted scopes; None if the code is unknown, used, expired or another client's (RFC 7636, 4.6)."""
        asked, until = self.granted.pop(given.code, (None, now))
        if asked is None or now >= until or asked.redirect_uri != given.redirect_uri:
            return None
        return asked.scope if challenge(given.code_verifier) == asked.code_challenge else None

    def renewing(self, scope: str, now: datetime) -> str:
        """A refresh token for these scopes."""
        token = secrets.token_urlsafe(32)
        self.renewable[token] = scope, now + SESSION_LIVES
        return token

    def renew(self, token: str, now: datetime) -> str | None:
        """The scopes of a refresh token; None if it is unknown, revoked or expired."""
        scope, until = self.renewable.get(token, (None, now))
        return scope if now < until else None

    def revoke(self, token: str) -> None:
        """Ends what a refresh token is good for; an unknown one is no fault (RFC 7009, 2.2)."""
        self.renewable.pop(token, None)


def challenge(verifier: str) -> str:
    """PKCE's S256: the unpadded base64url of the verifier's SHA-256."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def routes(mint: Mint) -> list[web.RouteDef]:
    """The issuer's addresses: the sign-in page, the exchange of a code or refresh token, and the end of a session."""
    codes = Codes()

    async def show(request: web.Request) -> web.Response:
        asked = Authorization.model_validate(dict(request.query))
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in asked.model_dump().items()
        )
        return web.Response(text=PAGE.format(action=AUTHORIZE, fields=hidden), content_type="text/html")

    async def confirm(request: web.Request) -> web.Response:
        asked = Authorization.model_validate(dict(await request.post()))
        answer = urlencode({"code": codes.grant(asked, datetime.now(UTC)), "state": asked.state})
        raise web.HTTPSeeOther(f"{asked.redirect_uri}?{answer}")

    async def redeem(request: web.Request) -> web.Response:
        asked, now = dict(await request.post()), datetime.now(UTC)
        renewed = asked.get("grant_type") == "refresh_token"
        scope = (
            codes.renew(Renewal.model_validate(asked).refresh_token, now)
            if renewed
            else codes.redeem(Redemption.model_validate(asked), now)
        )
        if scope is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = {"access_token": mint(scope), "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": scope}
        more = {} if renewed else {"refresh_token": codes.renewing(scope, now)}
        return web.json_response(token | more, headers={"cache-control": "no-store"})

    async def revoke(request: web.Request) -> web.Response:
        codes.revoke(str((await request.post()).get("token", "")))
        return web.Response()

    return [
        web.get(AUTHORIZE, _refusing(show)),
        web.post(AUTHORIZE, _refusing(confirm)),
        web.post(TOKEN, _refusing(redeem)),
        web.post(REVOKE, revoke),
    ]


def _refusing(handler: Handler) -> Handler:
    """Answers an invalid request with 400 and its faults."""

    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValidationError as error:
            faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
            raise web.HTTPBadRequest(text=f"This is not a sign-in request of the dashboard ({faults}).") from None

    return answering
