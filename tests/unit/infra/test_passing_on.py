"""With SITE_URL the gateway takes its own routes by name; everything else reaches the site as it came."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from bandit_selector.errors import InvalidSetting
from bandit_selector.settings import read_settings
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.emulation.authorizer import Authorizer
from infra.local.emulation.clock import Clock
from infra.local.emulation.gateway import Gateway
from infra.local.emulation.issuer import AUDIENCE, Issuer
from infra.local.emulation.passing_on import Site
from infra.service import ROUTES

ISSUER = Issuer(9, rsa.generate_private_key(public_exponent=65537, key_size=2048))
TOKEN = {"Authorization": f"Bearer {ISSUER.mint('1', datetime.now(UTC))}"}


async def backend(request: web.Request) -> web.StreamResponse:
    """A site that says what reached it."""
    if request.path == "/moved":
        raise web.HTTPFound("/elsewhere")
    told = {
        "method": request.method,
        "path": request.raw_path,
        "headers": dict(request.headers),
        "body": (await request.read()).decode("latin-1"),
    }
    answer = web.Response(
        status=int(request.query.get("status", "200")),
        body=gzip.compress(json.dumps(told).encode()),
        headers={"Content-Encoding": "gzip", "Access-Control-Allow-Origin": "https://site.example", "X-Site": "yes"},
    )
    answer.headers.add("Set-Cookie", "a=1")
    answer.headers.add("Set-Cookie", "b=2")
    return answer


@asynccontextmanager
async def listening(handler: Any) -> AsyncGenerator[str]:
    runner = web.ServerRunner(web.Server(handler, auto_decompress=False))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def invoke(_: bytes) -> bytes:
    return json.dumps({"statusCode": 200, "headers": {"x-ours": "yes"}, "body": "[]"}).encode()


def ask(method: str, path: str, site: str = "", **request: Any) -> tuple[int, Any, bytes]:
    """(status, headers, body) of one request to a gateway before `backend`, or before another `site`."""

    async def asking() -> tuple[int, Any, bytes]:
        async with listening(backend) as url, aiohttp.ClientSession(auto_decompress=False) as session:
            authorizer = Authorizer(ISSUER.url, AUDIENCE, jwt.PyJWKSet.from_dict(ISSUER.keys()))
            functions = {route.function: invoke for route in ROUTES}
            gateway = Gateway(ROUTES, functions, authorizer, Clock(), site=Site(site or url, session))
            async with listening(gateway.answer) as ours, aiohttp.ClientSession() as browser:
                answer = await browser.request(method, ours + path, allow_redirects=False, **request)
                return answer.status, answer.headers, await answer.read()

    return asyncio.run(asking())


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/auth/me",
        "/ratings/",
        "/analytics/toggle-thumbs-up/7",
        "/analytics/thumbs-status/7?a=1&a=2",
        "/movies/7",
        "/movies/a%2Fb/%C3%A9?q=%20%26",
    ],
)
def test_what_is_not_ours_reaches_the_site_as_it_came(method: str, path: str) -> None:
    headers = {"Authorization": "Bearer the-site's-own", "Cookie": "session=1", "X-Custom": "2", "Connection": "close"}
    status, answered, body = ask(method, path, data=b"\x00body", headers=headers)
    told = json.loads(body)
    assert (status, told["method"], told["path"], told["body"]) == (200, method, path, "\x00body")
    assert {name: told["headers"][name] for name in ("Authorization", "Cookie", "X-Custom")} == {
        name: headers[name] for name in ("Authorization", "Cookie", "X-Custom")
    }
    assert told["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert answered.getall("Set-Cookie") == ["a=1", "b=2"]


def test_the_sites_status_is_kept_and_no_redirect_is_followed() -> None:
    assert ask("GET", "/auth/me?status=401")[0] == 401
    status, headers, _ = ask("GET", "/moved")
    assert (status, headers["Location"]) == (302, "/elsewhere")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_of_our_routes_is_ours_by_name_and_method(route: Any) -> None:
    path = route.path.replace("{action}", "click").replace("{asset}", "page.js")
    scoped = {"Authorization": f"Bearer {ISSUER.mint('1', datetime.now(UTC), 'analytics service')}"}
    assert "X-Ours" in ask(route.method, path, headers=scoped)[1] or path == "/health"
    assert "X-Site" in ask("DELETE", path, headers=scoped)[1]
    assert "X-Site" in ask(route.method, f"{path}/more/of/it", headers=scoped)[1]


def test_our_routes_still_need_a_token() -> None:
    assert ask("GET", "/movies/recommendations")[0] == 401


def test_a_page_of_another_origin_may_use_every_method() -> None:
    asked = {"Origin": "https://site.example", "Access-Control-Request-Method": "PUT"}
    status, headers, _ = ask("OPTIONS", "/user/preferences", headers=asked)
    assert status == 204
    assert {"PUT", "PATCH", "DELETE"} <= set(headers["Access-Control-Allow-Methods"].split(","))
    assert {"authorization", "*"} <= set(headers["Access-Control-Allow-Headers"].split(","))


def test_cors_headers_are_the_gateways_alone() -> None:
    headers = ask("GET", "/auth/me", headers={"Origin": "https://site.example"})[1]
    assert headers.getall("Access-Control-Allow-Origin") == ["*"]
    assert "Access-Control-Allow-Origin" not in ask("GET", "/auth/me")[1]


def test_a_site_that_does_not_answer_is_503() -> None:
    assert ask("GET", "/auth/me", site="http://127.0.0.1:9")[0] == 503
    assert ask("GET", "/movies/recommendations", site="http://127.0.0.1:9", headers=TOKEN)[0] == 200


def test_a_path_cannot_name_another_host() -> None:
    async def asking() -> bytes:
        async with listening(backend) as url, aiohttp.ClientSession() as session:
            authorizer = Authorizer(ISSUER.url, AUDIENCE, jwt.PyJWKSet.from_dict(ISSUER.keys()))
            gateway = Gateway(ROUTES, {}, authorizer, Clock(), site=Site(url, session))
            async with listening(gateway.answer) as ours:
                reader, writer = await asyncio.open_connection("127.0.0.1", int(ours.rpartition(":")[2]))
                writer.write(b"GET @127.0.0.1:9/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
                return answer

    assert b" 400 " in asyncio.run(asking()).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "url", ["backend.example", "https://backend.example/", "https://a@b", "ftp://x", "https://a/b"]
)
def test_an_address_that_is_not_a_whole_site_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match="SITE_URL"):
        read_settings({"SITE_URL": url})
