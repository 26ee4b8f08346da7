"""API Gateway's authorizers, its own for JWTs and a function: which token is valid for which route. Knows no answer."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, cast

import jwt
from bandit_selector.scopes import texts_in

from functions.authorize.tokens import LET_BY
from infra.service import AUTHORIZER_KEPT

CLAIMS: Final = ("exp", "iss", "sub")
REMEMBERED: Final = 10_000  # valid tokens


class Unauthorized(Exception):
    """No token, or an invalid one."""


class Forbidden(Exception):
    """A valid token without a scope of this route."""


@dataclass(slots=True)
class Authorizer:
    """Checks RS256 signature, issuer, audience and times against one issuer's key set.

    For a known token only the expiry is checked: nothing else about it can change.
    """

    issuer: str
    audience: str
    keys: jwt.PyJWKSet
    _verified: Callable[[str], dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._verified = lru_cache(REMEMBERED)(self._verify)

    def check(self, header: str | None, scopes: tuple[str, ...]) -> dict[str, Any]:
        """The event's `requestContext.authorizer`; raises Unauthorized or Forbidden.

        Any one of `scopes` suffices; without scopes every valid token passes. Claims become text.
        """
        token = (header or "").removeprefix("Bearer ").strip()
        try:
            claims = self._claims(token)
        except jwt.InvalidTokenError as error:
            raise Unauthorized(str(error)) from None
        except LET_BY:
            raise Unauthorized("The token is not a JSON Web Token") from None
        if scopes and not set(scopes) & texts_in(claims):
            raise Forbidden(f"The token has none of the scopes {', '.join(scopes)}.")
        return {"jwt": {"claims": {name: _text(value) for name, value in claims.items()}, "scopes": scopes or None}}

    def _claims(self, token: str) -> dict[str, Any]:
        claims = self._verified(token)
        if int(claims["exp"]) <= time.time():
            raise jwt.ExpiredSignatureError("Signature has expired")
        return claims

    def _verify(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            self._key(jwt.get_unverified_header(token).get("kid")),
            algorithms=["RS256"],
            issuer=self.issuer,
            options={"require": list(CLAIMS), "verify_aud": False},
        )
        audience = claims.get("aud", claims.get("client_id", []))
        if self.audience not in ([audience] if isinstance(audience, str) else audience):
            raise jwt.InvalidAudienceError(f"The token is for {audience!r}, not for {self.audience!r}")
        return claims

    def _key(self, key_id: object) -> jwt.PyJWK:
        for key in self.keys.keys:
            if key.key_id == key_id:
                return key
        raise jwt.InvalidTokenError(f"The issuer has no key {key_id!r}")


@dataclass(slots=True)
class FunctionAuthorizer:
    """A Lambda authorizer with simple responses (payload 2.0); what it said of a header is kept for a while."""

    invoke: Callable[[bytes], Awaitable[bytes]]
    kept: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict[str, tuple[float, dict[str, Any]]])

    async def check(self, header: str | None, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event's `requestContext.authorizer`; raises Unauthorized without a header, Forbidden if it is refused."""
        if not header:
            raise Unauthorized("The request has no header Authorization")
        known = self.kept.get(header)
        if known is None or time.monotonic() - known[0] > AUTHORIZER_KEPT.total_seconds():
            asked = {**event, "type": "REQUEST", "identitySource": [header]}
            said: dict[str, Any] = json.loads(await self.invoke(json.dumps(asked).encode()))
            known = (time.monotonic(), said)
            self._keep(header, known)
        if known[1].get("isAuthorized") is not True:
            raise Forbidden("The authorizer refused the token.")
        return {"lambda": known[1].get("context", {})}

    def _keep(self, header: str, said: tuple[float, dict[str, Any]]) -> None:
        if len(self.kept) >= REMEMBERED:
            self.kept.clear()
        self.kept[header] = said


def _text(value: Any) -> str:
    """A claim as API Gateway writes it: `true`, `42`, `[one two]`."""
    if isinstance(value, list):
        return f"[{' '.join(map(str, cast('list[object]', value)))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
