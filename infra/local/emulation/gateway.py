"""API Gateway's HTTP API on this machine: routes, tokens, CORS, and its events and answers (payload format 2.0).

Knows the service's routes and how to invoke a function by name; must not know what a function answers.
"""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from typing import Any, Final

from aiohttp import web
from bandit_selector.scopes import SCOPES, texts_of
from multidict import CIMultiDict

from infra.local.emulation import payload
from infra.local.emulation.authorizer import Authorizer, Forbidden, FunctionAuthorizer, Unauthorized
from infra.local.emulation.clock import Clock
from infra.local.emulation.passing_on import Site, SiteUnreachable
from infra.local.emulation.runtime import MAX_PAYLOAD, InvocationFailed, Throttled
from infra.service import CORS, CORS_WITH_SITE, Cors, Route

Invoke = Callable[[bytes], Awaitable[bytes]]
INTEGRATION_SECONDS: Final = 30.0  # the limit of HTTP APIs
MAX_BODY: Final = 10 * 1024 * 1024
HEALTH: Final = "/health"
SIMULATED_TIME: Final = "X-Simulated-Time"
ACCEPTED: Final[dict[str, tuple[str, ...]]] = {"visitor": (), **{scope: texts_of(scope) for scope in SCOPES}}


@dataclass(frozen=True, slots=True)
class Gateway:
    """Answers HTTP requests by the routes of the service."""

    routes: Sequence[Route]
    functions: Mapping[str, Invoke]
    authorizer: Authorizer
    clock: Clock
    ready: Callable[[], bool] = lambda: True
    """Whether the service is complete; before, /health says that it starts."""
    site: Site | None = None
    """What takes the requests that no route does: the route `$default`."""
    site_tokens: FunctionAuthorizer | None = None
    """What checks visitors' tokens where they are the site's own."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request; a fault in the service is answered too."""
        with self.clock.request(request.headers.get(SIMULATED_TIME)) as moment:
            response = await self._route(request, moment)
        if self.clock.simulated:
            response.headers["Date"] = format_datetime(moment, usegmt=True)
        if "Origin" in request.headers:
            cors = CORS_WITH_SITE if self.site else CORS
            response.headers.update(_cors(cors, preflight=_is_preflight(request)))
        return response

    async def _route(self, request: web.BaseRequest, moment: datetime) -> web.Response:
        if _is_preflight(request):
            return web.Response(status=204)
        found = match(self.routes, request.method, request.path)
        if found is None:
            return await self._pass_on(request, self.site) if self.site else _message(404, "Not Found")
        route, parameters = found
        if route.path == HEALTH and not self.ready():
            return _starting()
        body = await _body(request)
        if isinstance(body, web.Response):
            return body
        asked = payload.event(request, body, route, parameters, None, moment)
        try:
            identity = await self._identity(request, route, asked)
        except Unauthorized as error:
            return _message(401, "Unauthorized", {"WWW-Authenticate": f'Bearer error="invalid_token" ({error})'})
        except Forbidden as error:
            return _message(403, "Forbidden", {"WWW-Authenticate": f'Bearer error="insufficient_scope" ({error})'})
        except (InvocationFailed, Throttled, TimeoutError):
            return _message(500, "Internal Server Error")
        event = json.dumps(payload.event(request, body, route, parameters, identity, moment)).encode()
        if len(event) > MAX_PAYLOAD:
            return _message(413, "Request Entity Too Large")
        return await self._invoke(route.function, event)

    async def _pass_on(self, request: web.BaseRequest, site: Site) -> web.Response:
        body = await _body(request)
        if isinstance(body, web.Response):
            return body
        try:
            async with asyncio.timeout(INTEGRATION_SECONDS):
                return await site.answer(request, body)
        except (SiteUnreachable, TimeoutError):
            return _message(503, "Service Unavailable")

    async def _identity(
        self, request: web.BaseRequest, route: Route, asked: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        header = request.headers.get("Authorization")
        if route.access == "open":
            return None
        if route.access == "visitor" and self.site_tokens:
            without_body = {name: value for name, value in asked.items() if name not in {"body", "isBase64Encoded"}}
            return await self.site_tokens.check(header, without_body)
        return self.authorizer.check(header, ACCEPTED[route.access])

    async def _invoke(self, function: str, event: bytes) -> web.Response:
        try:
            async with asyncio.timeout(INTEGRATION_SECONDS):
                answer = await self.functions[function](event)
        except (Throttled, TimeoutError):
            return _message(503, "Service Unavailable")
        except InvocationFailed:
            return _message(500, "Internal Server Error")
        try:
            return payload.response(answer)
        except payload.Malformed:
            return _message(500, "Internal Server Error")


async def _body(request: web.BaseRequest) -> bytes | web.Response:
    """The request's body, or the answer to one that cannot be read."""
    if not request.rel_url.raw_path.startswith("/"):
        return _message(400, "Bad Request")
    if (request.content_length or 0) > MAX_BODY:
        return _message(413, "Request Entity Too Large")
    try:
        return await request.read()
    except (web.RequestPayloadError, web.HTTPRequestEntityTooLarge):
        return _message(400, "Bad Request")


def match(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request and its path parameters; routes without parameters have priority."""
    for route in sorted(routes, key=lambda route: "{" in route.path):
        found = _pattern(route.path).fullmatch(path) if route.method == method else None
        if found:
            return route, found.groupdict()
    return None


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _is_preflight(request: web.BaseRequest) -> bool:
    headers = request.headers
    return request.method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def _cors(cors: Cors, *, preflight: bool) -> dict[str, str]:
    allowed = {
        "Access-Control-Allow-Methods": ",".join(cors.methods),
        "Access-Control-Allow-Headers": ",".join(cors.headers),
        "Access-Control-Max-Age": str(int(cors.max_age.total_seconds())),
    }
    always = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": ",".join(cors.exposed_headers),
    }
    return always | allowed if preflight else always


def _starting() -> web.Response:
    detail = "The service is not ready: it is starting, or about to stop. Ask again in a few seconds."
    document = {"type": "about:blank", "title": "Not ready", "status": 503, "detail": detail}
    headers = {"Retry-After": "2", "Cache-Control": "no-store"}
    return web.json_response(document, status=503, headers=headers, content_type="application/problem+json")


def _message(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    named = CIMultiDict({"Apigw-Requestid": str(uuid.uuid4()), **(headers or {})})
    return web.json_response({"message": text}, status=status, headers=named)
