"""The HTTP API's rules: routes, tokens, events and answers."""

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.emulation.authorizer import Authorizer, Forbidden, Unauthorized
from infra.local.emulation.clock import Clock
from infra.local.emulation.gateway import Gateway, match
from infra.local.emulation.issuer import AUDIENCE, Issuer
from infra.local.emulation.runtime import MAX_PAYLOAD, InvocationFailed, Throttled
from infra.service import ROUTES, Route

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ISSUER = Issuer(9, KEY)
AUTHORIZER = Authorizer(ISSUER.url, AUDIENCE, jwt.PyJWKSet.from_dict(ISSUER.keys()))
NOW = datetime.now(UTC)
OPEN = (Route("GET", "/open/{name}", "echo", "open"), Route("POST", "/open/{name}", "echo", "open"))
Function = Callable[[dict[str, Any]], object]


def large(message: Any, content: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, content, protocol, writer, task, loop, client_max_size=20 * 1024 * 1024)


@asynccontextmanager
async def api(
    function: Function, clock: Clock | None = None, ready: bool = True
) -> AsyncGenerator[aiohttp.ClientSession]:
    async def invoke(event: bytes) -> bytes:
        return json.dumps(function(json.loads(event))).encode()

    gateway = Gateway(
        (*OPEN, *ROUTES),
        dict.fromkeys(["echo", *(route.function for route in ROUTES)], invoke),
        AUTHORIZER,
        clock or Clock(),
        lambda: ready,
    )
    runner = web.ServerRunner(web.Server(gateway.answer, request_factory=large, auto_decompress=False))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        yield session
    await runner.cleanup()


def asked(method: str, path: str, function: Function, **request: Any) -> tuple[int, Any, bytes]:
    """(status, headers, body) of one request to a gateway before `function`."""

    async def ask() -> tuple[int, Any, bytes]:
        async with api(function) as session, session.request(method, path, **request) as response:
            return response.status, response.headers, await response.read()

    return asyncio.run(ask())


def event_of(method: str, path: str, **request: Any) -> dict[str, Any]:
    """The event of a request."""
    event: dict[str, Any] = json.loads(asked(method, path, lambda event: event, **request)[2])
    return event


def test_a_path_without_parameters_goes_before_one_with() -> None:
    routes = (Route("GET", "/a/{x}", "general", "open"), Route("GET", "/a/b", "exact", "open"))
    found = [match(routes, "GET", path) for path in ("/a/b", "/a/c", "/a/b/c")]
    assert [(route.function, parameters) for route, parameters in filter(None, found)] == [
        ("exact", {}),
        ("general", {"x": "c"}),
    ]


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("POST", "/health")])
def test_an_unknown_route_is_not_found(method: str, path: str) -> None:
    status, _, body = asked(method, path, dict)
    assert (status, json.loads(body)) == (404, {"message": "Not Found"})


def test_an_event_has_what_the_request_had() -> None:
    event = event_of("GET", "/open/one?tag=a&tag=b&empty=", headers={"X-Thing": "1", "Cookie": "a=1; b=2"})
    assert event["routeKey"] == "GET /open/{name}"
    assert event["pathParameters"] == {"name": "one"}
    assert event["queryStringParameters"] == {"tag": "a,b", "empty": ""}
    assert event["rawQueryString"] == "tag=a&tag=b&empty="
    assert event["headers"]["x-thing"] == "1"
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert "body" not in event
    assert event["requestContext"]["http"]["method"] == "GET"
    assert abs(event["requestContext"]["timeEpoch"] / 1000 - datetime.now(UTC).timestamp()) < 60


def test_text_travels_as_it_is_and_everything_else_in_base64() -> None:
    text = event_of("POST", "/open/x", data='{"a": 1}', headers={"Content-Type": "application/json"})
    form = event_of("POST", "/open/x", data=b"a=1", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (text["body"], text["isBase64Encoded"]) == ('{"a": 1}', False)
    assert (base64.b64decode(form["body"]), form["isBase64Encoded"]) == (b"a=1", True)


def test_bytes_that_are_not_text_travel_in_base64_whatever_their_type_says() -> None:
    broken = b'{"a": "\xff"}'
    event = event_of("POST", "/open/x", data=broken, headers={"Content-Type": "application/json"})
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (broken, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
def test_a_wrong_encoding_is_not_a_fault_of_the_service(encoding: str) -> None:
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    assert asked("POST", "/open/x", dict, data=b"not packed", headers=headers)[0] in {200, 400}


def test_an_event_beyond_lambdas_limit_is_too_large() -> None:
    data = io.BytesIO(b"x" * (MAX_PAYLOAD + 1))
    assert asked("POST", "/open/x", dict, data=data, headers={"Content-Type": "text/plain"})[0] == 413


def test_an_answer_without_a_status_is_the_body() -> None:
    status, headers, body = asked("GET", "/open/x", lambda _: {"a": 1})
    assert (status, headers["Content-Type"], json.loads(body)) == (200, "application/json", {"a": 1})


def test_an_answer_may_be_binary_and_set_cookies() -> None:
    said = {
        "statusCode": 201,
        "headers": {"content-type": "image/png", "x-number": 3},
        "cookies": ["a=1", "b=2"],
        "body": base64.b64encode(b"\x89PNG").decode(),
        "isBase64Encoded": True,
    }
    status, headers, body = asked("GET", "/open/x", lambda _: said)
    assert (status, headers["X-Number"], body) == (201, "3", b"\x89PNG")
    assert headers.getall("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("said", [{"statusCode": "fine"}, {"statusCode": 200, "body": {"a": 1}}])
def test_an_answer_of_another_shape_is_a_server_error(said: dict[str, object]) -> None:
    status, _, body = asked("GET", "/open/x", lambda _: said)
    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})


@pytest.mark.parametrize(("failure", "status"), [(InvocationFailed("{}"), 500), (Throttled("busy"), 503)])
def test_a_function_that_fails_or_is_full_is_a_server_error(failure: Exception, status: int) -> None:
    def fail(_: dict[str, Any]) -> object:
        raise failure

    assert asked("GET", "/open/x", fail)[0] == status


def test_without_a_token_a_route_is_unauthorized() -> None:
    status, headers, body = asked("GET", "/movies/recommendations", dict)
    assert (status, json.loads(body)) == (401, {"message": "Unauthorized"})
    assert headers["WWW-Authenticate"].startswith("Bearer")


def test_a_visitors_claims_reach_the_function_as_text() -> None:
    token = ISSUER.mint("7", datetime.now(UTC))
    event = event_of("GET", "/movies/recommendations", headers={"Authorization": f"Bearer {token}"})
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["sub"] == "7"
    assert claims["exp"].isdigit()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "junk",
        ISSUER.mint("1", datetime.now(UTC) - timedelta(days=2)),
        Issuer(9, rsa.generate_private_key(public_exponent=65537, key_size=2048)).mint("1", NOW),
        Issuer(10, KEY).mint("1", NOW),
        jwt.encode({"sub": "1", "iss": ISSUER.url, "exp": 9e9, "aud": "another"}, KEY, "RS256", {"kid": "local"}),
        jwt.encode({"sub": "1", "iss": ISSUER.url, "exp": 9e9, "aud": AUDIENCE}, "x" * 32, "HS256", {"kid": "local"}),
        jwt.encode({"sub": "1", "iss": ISSUER.url, "aud": AUDIENCE}, KEY, "RS256", {"kid": "local"}),
        b"\xff\xe9.e30.e30".decode(errors="surrogateescape"),
        f"{base64.urlsafe_b64encode(b'[' * 200_000).decode()}.e30.e30",
    ],
    ids=[
        *("none", "junk", "expired", "other key", "other issuer", "other audience", "symmetric", "endless"),
        *("not UTF-8", "deep nesting"),
    ],
)
def test_a_bad_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        AUTHORIZER.check(f"Bearer {token}", ())


def test_a_token_that_was_good_is_refused_once_it_has_expired() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    token = ISSUER.mint("1", now, lifetime=timedelta(seconds=2))
    AUTHORIZER.check(token, ())
    time.sleep((now + timedelta(seconds=2) - datetime.now(UTC)).total_seconds())
    with pytest.raises(Unauthorized, match="expired"):
        AUTHORIZER.check(token, ())


def test_a_scope_opens_its_routes_only() -> None:
    token = f"Bearer {ISSUER.mint('team', datetime.now(UTC), 'analytics other')}"
    assert AUTHORIZER.check(token, ("analytics",))["jwt"]["scopes"] == ("analytics",)
    with pytest.raises(Forbidden):
        AUTHORIZER.check(token, ("service",))


def test_health_is_starting_until_the_service_is_ready_and_other_routes_are_asked() -> None:
    async def statuses(ready: bool) -> tuple[int, int, str | None]:
        async with api(lambda _: {"status": "ok"}, ready=ready) as session:
            health, other = await session.get("/health"), await session.get("/open/x")
            return health.status, other.status, health.headers.get("Retry-After")

    assert asyncio.run(statuses(ready=False)) == (503, 200, "2")
    assert asyncio.run(statuses(ready=True)) == (200, 200, None)


def test_a_preflight_needs_no_token_and_no_function() -> None:
    headers = {"Origin": "https://site.example", "Access-Control-Request-Method": "POST"}
    status, answered, _ = asked("OPTIONS", "/analytics/track/click", dict, headers=headers)
    assert (status, answered["Access-Control-Allow-Origin"]) == (204, "*")
    assert "authorization" in answered["Access-Control-Allow-Headers"]


def test_even_a_refusal_can_be_read_by_a_page_of_another_origin() -> None:
    status, headers, _ = asked("GET", "/movies/recommendations", dict, headers={"Origin": "https://site.example"})
    assert (status, headers["Access-Control-Allow-Origin"]) == (401, "*")
    assert "X-AB-Group" in headers["Access-Control-Expose-Headers"]


def test_a_simulated_time_counts_on_a_simulated_clock_only() -> None:
    then = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)

    async def years(clock: Clock) -> list[int]:
        async with api(lambda event: event["requestContext"]["timeEpoch"], clock) as session:
            first = await (await session.get("/open/x", headers={"X-Simulated-Time": then.isoformat()})).json()
            second = await (await session.get("/open/x")).json()
        return [first, second]

    assert asyncio.run(years(Clock(simulated=True))) == [int(then.timestamp() * 1000)] * 2
    assert min(asyncio.run(years(Clock()))) > then.timestamp() * 1000


@pytest.mark.parametrize("claimed", ["x", "", "2026-03-01", "2026-03-01T20:00:00", "10000-01-01T00:00:00Z"])
def test_what_is_not_a_moment_leaves_a_simulated_clock(claimed: str) -> None:
    clock = Clock(simulated=True)
    clock.go_on(NOW)
    with clock.request(claimed) as moment:
        assert moment == NOW


def test_answers_have_the_date_of_the_simulated_clock() -> None:
    then = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)

    async def date() -> str:
        async with api(dict, Clock(simulated=True)) as session:
            return (await session.get("/open/x", headers={"X-Simulated-Time": then.isoformat()})).headers["Date"]

    assert asyncio.run(date()) == "Sun, 01 Mar 2026 20:00:00 GMT"


def test_what_is_settled_lies_before_every_request_in_flight() -> None:
    clock = Clock(simulated=True)
    with clock.request("2026-03-01T10:00:00+00:00"), clock.request("2026-03-01T12:00:00+00:00"):
        assert (clock.settled().hour, clock.now().hour) == (10, 12)
    assert clock.settled().hour == 12


def test_a_simulated_clock_goes_on_and_never_back() -> None:
    clock = Clock(simulated=True)
    for hour in (10, 9):
        clock.go_on(datetime(2026, 3, 1, hour, tzinfo=UTC))
    assert clock.now().hour == 10
    real = Clock()
    real.go_on(datetime(2020, 1, 1, tzinfo=UTC))
    assert real.now().year > 2020
