"""The database's password from Secrets Manager: signed as botocore signs, read from moto, and TLS that checks names."""

# ruff: noqa: S105, S106 # the passwords here open nothing

import json
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Any, cast
from urllib.parse import parse_qsl

import boto3
import pytest
from bandit_selector.errors import DatabaseUnavailable, InvalidSetting
from bandit_selector.settings import Platform, Settings
from bandit_selector.store.connection import connect
from bandit_selector.store.credentials import (
    access_key,
    authorities,
    complete,
    database_url,
    read_secret,
)
from bandit_selector.store.signature import AccessKey, login_token, sign
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from tests.listening import listening

WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+=", min_size=1, max_size=40)
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
RDS = "site.cluster-abc.eu-central-1.rds.amazonaws.com"


@pytest.fixture(scope="module")
def platform(moto: str) -> Platform:
    """A Secrets Manager on this machine, and credentials for it."""
    return Platform(aws_access_key_id="testing", aws_secret_access_key="testing", aws_endpoint_url=moto)


@given(WORDS, WORDS, st.just("") | WORDS, st.binary(max_size=100), st.integers(1_600_000_000, 2_200_000_000))
def test_a_request_is_signed_as_botocore_signs_it(
    key_id: str, secret: str, token: str, body: bytes, epoch: int
) -> None:
    now = datetime.fromtimestamp(epoch, UTC)
    plain = {"content-type": "application/x-amz-json-1.1", "host": "h.example", "x-amz-target": "secretsmanager.X"}
    ours = sign(plain, body, "secretsmanager", "eu-central-1", AccessKey(key_id, secret, token), now)
    assert ours["authorization"] == _botocore(plain, body, Credentials(key_id, secret, token or None), now)


@given(WORDS, WORDS, st.just("") | WORDS, st.integers(1_600_000_000, 2_200_000_000))
def test_a_login_is_signed_as_botocore_signs_it(key_id: str, secret: str, token: str, epoch: int) -> None:
    now = datetime.fromtimestamp(epoch, UTC)
    ours = login_token(RDS, "5433", "bandit_select", "eu-central-1", AccessKey(key_id, secret, token), now)
    theirs = _login_of_botocore(Credentials(key_id, secret, token or None), now)
    assert dict(parse_qsl(ours)) == dict(parse_qsl(theirs))  # in another order: the signature is over sorted names


def test_a_login_is_made_for_each_connection_with_the_hosts_region() -> None:
    settings = Settings(database_iam=True, database_url=f"postgresql://bandit_select@{RDS}:5433/bandit")
    platform = Platform(aws_access_key_id="a", aws_secret_access_key="s", aws_session_token="t")
    parts = conninfo_to_dict(database_url(settings, platform))
    assert (parts["user"], parts["sslmode"]) == ("bandit_select", "verify-full")
    token = str(parts["password"])
    assert token.startswith(f"{RDS}:5433/?Action=connect&DBUser=bandit_select&")
    assert "%2Feu-central-1%2Frds-db%2F" in token
    with pytest.raises(InvalidSetting, match="its user is missing"):
        database_url(settings.model_copy(update={"database_url": f"postgresql://{RDS}:5433/bandit"}), platform)


def test_after_a_restore_a_login_is_signed_with_the_restored_key() -> None:
    settings = Settings(database_iam=True, database_url=f"postgresql://bandit_select@{RDS}:5433/bandit")
    with _answering({"AccessKeyId": "restored", "SecretAccessKey": "s", "Token": "t"}) as (url, _):
        parts = conninfo_to_dict(database_url(settings, Platform(aws_container_credentials_full_uri=f"{url}/keys")))
    assert "X-Amz-Credential=restored%2F" in str(parts["password"])


def test_the_secret_is_read_without_boto3(platform: Platform) -> None:
    arn = _store(platform, '{"username": "bandit", "password": "p w"}')
    assert json.loads(read_secret(arn, platform, datetime.now(UTC)))["password"] == "p w"


def test_a_real_database_is_reached_by_its_secret(platform: Platform, server: Any) -> None:
    address = conninfo_to_dict(server.url)
    secret = {"username": address["user"], "password": address["password"]}
    settings = Settings(
        database_secret_arn=_store(platform, json.dumps(secret)),
        database_url=f"postgresql://{address['host']}:{address['port']}/postgres?sslmode=disable",
    )
    with connect(database_url(settings, platform)) as connection:
        assert connection.execute("SELECT current_user").fetchall() == [(address["user"],)]


def test_without_a_secret_the_url_is_used_as_it_is() -> None:
    assert database_url(Settings(database_url="postgresql:///x"), Platform()) == "postgresql:///x"


def test_a_rotated_password_is_used_at_the_next_connection(platform: Platform) -> None:
    arn = _store(platform, '{"username": "bandit", "password": "old", "host": "h"}')
    settings = Settings(database_secret_arn=arn, database_url="postgresql://h?sslmode=disable")
    first = database_url(settings, platform)
    _client(platform).put_secret_value(
        SecretId=arn, SecretString='{"username": "bandit", "password": "new", "host": "h"}'
    )
    assert (_part(first, "password"), _part(database_url(settings, platform), "password")) == ("old", "new")


def test_what_cannot_be_read_is_an_outage_with_its_reason(platform: Platform) -> None:
    missing = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nothing-here-AbCdEf"
    with pytest.raises(DatabaseUnavailable, match=r"answered 4\d\d .*ResourceNotFoundException"):
        read_secret(missing, platform, NOW)
    nobody = platform.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"})
    with pytest.raises(DatabaseUnavailable, match=r"could not be read from 127\.0\.0\.1:9"):
        read_secret(missing, nobody, NOW)


def test_after_a_restore_the_key_comes_from_lambdas_own_address() -> None:
    answer = {"AccessKeyId": "a", "SecretAccessKey": "s", "Token": "t"}
    with _answering(answer) as (url, asked):
        platform = Platform(aws_container_credentials_full_uri=f"{url}/keys", aws_container_authorization_token="open")
        assert access_key(platform) == AccessKey("a", "s", "t")
    assert asked == [("/keys", "open")]


def test_rds_is_verified_by_its_own_regions_authorities() -> None:
    parts = conninfo_to_dict(complete("", json.dumps({"username": "u", "password": "p", "host": RDS, "port": 5433})))
    assert (parts["sslmode"], parts["port"]) == ("verify-full", "5433")
    assert str(parts["sslrootcert"]).endswith("/eu-central-1.pem")
    assert authorities("x.proxy-abc.eu-west-1.rds.amazonaws.com").endswith("/proxy.pem")
    assert authorities("database.example.com") == (ssl.get_default_verify_paths().cafile or "system")


def test_the_url_wins_over_the_secret() -> None:
    secret = json.dumps({"username": "u", "password": "p", "host": "from-secret", "dbname": "one"})
    parts = conninfo_to_dict(complete("postgresql://from-url/two?sslmode=require", secret))
    assert (parts["host"], parts["dbname"], parts["sslmode"]) == ("from-url", "two", "require")
    assert "sslrootcert" not in parts


@pytest.mark.parametrize(
    ("url", "secret", "sentence"),
    [
        ("", '{"username": "u", "password": "p"}', "no host"),
        ("postgresql://h", "just-a-password", "must be JSON with username and password"),
        ("postgresql://h", '{"user": "u"}', "must be JSON with username and password"),
        ("postgresql://a.b.mars-1.rds.amazonaws.com", '{"username": "u", "password": "p"}', "region 'mars-1'"),
    ],
)
def test_an_unusable_secret_says_what_is_missing(url: str, secret: str, sentence: str) -> None:
    with pytest.raises(InvalidSetting, match=sentence):
        complete(url, secret)


def test_a_wrong_arn_is_named() -> None:
    with pytest.raises(InvalidSetting, match="'my-secret' is not the ARN of a secret"):
        read_secret("my-secret", Platform(), NOW)


def test_no_secret_shows_in_a_repr() -> None:
    platform = Platform(aws_secret_access_key="hidden", aws_session_token="hidden")
    assert "hidden" not in f"{platform!r} {AccessKey('id', 'hidden', 'hidden')!r}"


def test_the_bundled_authorities_are_valid_for_years() -> None:
    bundle = [
        entry for entry in (files("bandit_selector.store") / "authorities").iterdir() if entry.name != "proxy.pem"
    ]
    assert len(bundle) >= 27
    for entry in bundle:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=entry.read_text())
        found = context.get_ca_certs()
        assert len(found) == 3, entry.name
        assert all(entry.name.removesuffix(".pem") in str(it["subject"]) for it in found)
        assert (
            min(ssl.cert_time_to_seconds(str(it["notAfter"])) for it in found)
            > datetime(2060, 1, 1, tzinfo=UTC).timestamp()
        )


def _login_of_botocore(credentials: Credentials, now: datetime) -> str:
    """As botocore's generate_db_auth_token, at a given time."""
    request = AWSRequest("GET", f"https://{RDS}:5433/?Action=connect&DBUser=bandit_select")
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    signer: Any = SigV4QueryAuth(credentials, "rds-db", "eu-central-1", expires=900)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    asked = cast("str", request.url).removeprefix("https://")
    return f"{asked}&X-Amz-Signature={signer.signature(text, request)}"


def _botocore(headers: dict[str, str], body: bytes, credentials: Credentials, now: datetime) -> str:
    request = AWSRequest("POST", "https://h.example/", headers=headers, data=body)
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    signer = SigV4Auth(credentials, "secretsmanager", "eu-central-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signed = signer.headers_to_sign(request)
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signer.signed_headers(signed)},"
        f" Signature={signer.signature(text, request)}"
    )


def _client(platform: Platform) -> Any:
    return cast(
        "Any",
        boto3.client(
            "secretsmanager",
            region_name="eu-central-1",
            endpoint_url=platform.aws_endpoint_url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        ),
    )


def _store(platform: Platform, text: str) -> str:
    return str(_client(platform).create_secret(Name=f"test-{abs(hash(text))}", SecretString=text)["ARN"])


def _part(conninfo: str, name: str) -> object:
    return conninfo_to_dict(conninfo)[name]


@contextmanager
def _answering(answer: dict[str, str]) -> Generator[tuple[str, list[tuple[str, str | None]]]]:
    """A local address that answers every GET with one JSON document, and the requests that it got."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["authorization"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None: ...

    with listening(Handler) as address:
        yield address, asked
