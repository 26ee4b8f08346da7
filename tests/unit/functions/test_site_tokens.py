"""Only a good token of the site's own is a visitor; every attack ends in a 401, which makes a front end refresh."""

# ruff: noqa: S106 # an audience is not a password

import asyncio
import base64
import hashlib
import hmac
import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from aws_lambda_powertools import Logger
from bandit_selector.errors import InvalidSetting
from bandit_selector.settings import Settings
from bandit_selector.web import Event, HttpAnswer, answer, answers_problems, caller
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from functions.authorize.handler import decide
from functions.authorize.kept import MOST, Kept
from infra.local.emulation.authorizer import Forbidden, FunctionAuthorizer, Unauthorized

KEY = "the-key-of-the-site-with-enough-bytes"
OTHER = "another-key-with-just-as-many-bytes-in-it"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
USERS = {"ada": 7}


def minted(key: Any = KEY, algorithm: str = "HS256", **changed: Any) -> str:
    claims = {"sub": "ada", "exp": NOW + HOUR, "iat": NOW, **changed}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm)


def forged(header: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps({"sub": "ada", "exp": 9_999_999_999}).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def forged_from(header: bytes) -> str:
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.e30.e30"


def said(header: str, key: str = KEY, **chosen: Any) -> dict[str, Any]:
    """The authorizer's context for a header."""
    made = decide(header, Settings.model_validate(chosen), Kept(lambda _: key, time.monotonic), USERS.get)
    assert made["isAuthorized"] is True
    return made["context"]


def test_a_good_token_is_the_user_whose_name_it_has() -> None:
    assert said(f"Bearer {minted()}") == {"user_id": "7", "expires_at": str(int((NOW + HOUR).timestamp()))}


def test_an_audience_is_asked_for_where_one_is_set() -> None:
    token = minted(aud=["app", "movies"])
    assert said(f"Bearer {token}", site_token_audience="movies")["user_id"] == "7"


ATTACKS = {
    "none": "",
    "junk": "junk",
    "expired": minted(exp=NOW - HOUR),
    "other key": minted(OTHER),
    "endless": minted(exp=None),
    "nobody": minted(sub=None),
    "empty": minted(sub=""),
    "not yet": minted(nbf=NOW + HOUR),
    "from the future": minted(iat=NOW + HOUR),
    "for others": minted(aud="others"),
    "unknown": minted(sub="eve"),
    "HS512": minted(KEY * 2, "HS512"),
    "HS384 by the same key": minted(KEY * 2, "HS384"),
    "RS256": minted(RSA, "RS256"),
    "no algorithm": forged({"alg": "none", "typ": "JWT"}),
    "no algorithm, in other letters": forged({"alg": "NoNe", "typ": "JWT"}),
    "a key in the header": forged({"alg": "HS256", "jwk": {"kty": "oct", "k": "YQ"}}, b"x" * 32),
    "a key by address": forged({"alg": "RS256", "jku": "http://127.0.0.1:9/keys"}, b"x" * 256),
    "stripped": minted().rpartition(".")[0] + ".",
    "half of a surrogate pair": "\udcff.\udcff.\udcff",
    "not ASCII": "é.é.é",
    "deep nesting": forged_from(b"[" * 200_000),
    "a number of thousands of digits": forged_from(b'{"alg": ' + b"9" * 5_000 + b"}"),
    "endless in a number": minted(exp=math.inf),
    "two signatures": minted() + "." + minted().rpartition(".")[2],
}


@pytest.mark.parametrize("token", ATTACKS.values(), ids=ATTACKS)
def test_a_bad_token_is_refused(token: str) -> None:
    assert set(said(f"Bearer {token}")) == {"refused"}


@pytest.mark.parametrize("header", [minted(), f"Basic {minted()}", f"Bearer{minted()}", "Bearer", " "])
def test_a_header_of_another_form_is_refused(header: str) -> None:
    assert set(said(header)) == {"refused"}


def test_a_token_without_the_audience_is_refused() -> None:
    for token in (minted(), minted(aud="others")):
        assert set(said(f"Bearer {token}", site_token_audience="movies")) == {"refused"}


def test_a_public_key_is_never_a_secret_one() -> None:
    """The classic confusion: HS256 signed with the text of somebody's public RSA key."""
    by_hand = forged({"alg": "HS256", "typ": "JWT"}).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(hmac.digest(PUBLIC, by_hand.encode(), hashlib.sha256)).decode().rstrip("=")
    assert set(said(f"Bearer {by_hand}.{signature}")) == {"refused"}


def test_no_refusal_repeats_the_token() -> None:
    for token in filter(None, ATTACKS.values()):
        refused = said(f"Bearer {token}")["refused"]
        assert token not in refused
        assert KEY not in refused


def test_a_short_key_is_refused_with_its_length() -> None:
    with pytest.raises(InvalidSetting, match="has 6 bytes; HS256 needs 32"):
        said(f"Bearer {minted()}", key="secret")


def test_the_sites_new_key_is_read_when_a_token_does_not_fit_the_old_one() -> None:
    clock, keys = [0.0], [OTHER]
    kept = Kept(lambda _: keys[0], lambda: clock[0])
    settings = Settings()
    assert "refused" in decide(f"Bearer {minted()}", settings, kept, USERS.get)["context"]
    keys[0] = KEY
    assert "refused" in decide(f"Bearer {minted()}", settings, kept, USERS.get)["context"]  # just read
    clock[0] = 11
    assert decide(f"Bearer {minted()}", settings, kept, USERS.get)["context"]["user_id"] == "7"


def test_a_value_is_read_once_for_a_while_and_none_is_read_again() -> None:
    clock, asked = [0.0], list[str]()

    def read(name: str) -> int | None:
        asked.append(name)
        return USERS.get(name)

    kept = Kept(read, lambda: clock[0])
    assert [kept.get(name) for name in ("ada", "ada", "eve", "eve")] == [7, 7, None, None]
    clock[0] = 301
    assert (kept.get("ada"), asked) == (7, ["ada", "eve", "eve", "ada"])
    many = Kept(lambda name: name, lambda: 0.0)
    for number in range(MOST + 10):
        many.get(str(number))
    assert len(many._values) == MOST  # pyright: ignore[reportPrivateUsage]


def event(authorizer: object) -> Event:
    return {"requestContext": {"timeEpoch": int(NOW.timestamp() * 1000), "requestId": "r", "authorizer": authorizer}}


def answered(authorizer: object, asks_who: bool = True) -> HttpAnswer:
    @answers_problems(Logger(service="test"))
    def handler(request: Event, _context: Any) -> HttpAnswer:
        return answer(200, caller(request, "sub").subject if asks_who else "anybody")

    return handler(event(authorizer), None)


@pytest.mark.parametrize("asks_who", [True, False])
@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"refused": "Signature verification failed"},
        {"refused": "x", "user_id": "7", "expires_at": "9999999999"},
        {"user_id": "7", "expires_at": str(int(NOW.timestamp()) - 1)},
    ],
)
def test_what_the_authorizer_refused_is_401_whether_or_not_a_function_asks(context: object, asks_who: bool) -> None:
    told = answered({"lambda": context}, asks_who)
    assert (told["statusCode"], told["headers"]["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_a_site_token_never_has_a_scope() -> None:
    context = said(f"Bearer {minted(scope='service analytics', scp=['service'])}")
    who = caller(event({"lambda": context}), "sub")
    assert (who.subject, who.scopes) == ("7", frozenset())


def checked(header: str | None, say: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    async def invoke(asked: bytes) -> bytes:
        return json.dumps(say(json.loads(asked))).encode()

    return asyncio.run(FunctionAuthorizer(invoke).check(header, {"version": "2.0", "routeKey": "GET /x"}))


def test_the_gateway_passes_on_what_a_function_allows_and_nothing_else() -> None:
    allowed = checked("Bearer t", lambda asked: {"isAuthorized": True, "context": {"asked": asked["identitySource"]}})
    assert allowed == {"lambda": {"asked": ["Bearer t"]}}
    for no in ({"isAuthorized": False}, {"isAuthorized": "true"}, {}):
        with pytest.raises(Forbidden):
            checked("Bearer t", lambda _, no=no: no)
    with pytest.raises(Unauthorized):
        checked(None, dict)


def test_the_gateway_asks_once_for_a_header() -> None:
    asked = list[bytes]()

    async def invoke(event: bytes) -> bytes:
        asked.append(event)
        return b'{"isAuthorized": true, "context": {}}'

    async def three() -> None:
        authorizer = FunctionAuthorizer(invoke)
        for header in ("Bearer a", "Bearer a", "Bearer b"):
            await authorizer.check(header, {})

    asyncio.run(three())
    assert len(asked) == 2
