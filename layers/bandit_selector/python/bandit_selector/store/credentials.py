"""Where the database's address and password come from in AWS: a signed login, or one signed call to Secrets Manager.

Knows the shapes that RDS gives its secrets; keeps nothing, so a rotated password is read again.
"""

import json
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from psycopg.conninfo import make_conninfo

from bandit_selector.errors import DatabaseUnavailable, InvalidSetting
from bandit_selector.settings import Platform, Settings, read_platform
from bandit_selector.store.address import parts_of
from bandit_selector.store.signature import AccessKey, login_token, sign

SECONDS: Final = 3.0
SERVICE: Final = "secretsmanager"
RDS_HOST: Final = re.compile(r"\.(?P<proxy>proxy-)?[^.]+\.(?P<region>[a-z0-9-]+)\.rds\.amazonaws\.com(\.cn)?$")


def database_url(settings: Settings, platform: Platform | None = None) -> str:
    """What `connect` takes: DATABASE_URL itself, or completed from the secret DATABASE_SECRET_ARN where that is set.

    What DATABASE_URL says wins over the secret; a secret without host (RDS makes such) needs its host from there.
    With DATABASE_IAM, the user of DATABASE_URL logs in by a token that is signed here for this one connection.
    Raises InvalidSetting for a secret of an unknown shape, DatabaseUnavailable when it cannot be read now.
    """
    if settings.database_iam:
        return logged_in(settings.database_url, platform or read_platform(), datetime.now(UTC))
    if not settings.database_secret_arn:
        return settings.database_url
    secret = read_secret(settings.database_secret_arn, platform or read_platform(), datetime.now(UTC))
    return complete(settings.database_url, secret)


def logged_in(url: str, platform: Platform, now: datetime) -> str:
    """`url` with a login by IAM as its password; TLS with a verified host name, which RDS demands of such a login."""
    parts = parts_of(url)
    missing = [name for name in ("host", "port", "user") if not parts.get(name)]
    if missing:
        raise InvalidSetting(
            f"DATABASE_IAM needs a DATABASE_URL like postgresql://USER@HOST:5432/DATABASE; its {missing[0]} is missing."
        )
    host, port, user = (str(parts[name]) for name in ("host", "port", "user"))
    matched = RDS_HOST.search(host)
    region = matched["region"] if matched else platform.aws_region
    token = login_token(host, port, user, region, access_key(platform), now)
    return complete(url, json.dumps({"username": user, "password": token}))


def complete(url: str, secret: str) -> str:
    """A libpq connection string from `url` and a secret: RDS's JSON (username, password, host, port, dbname) or a URL.

    TLS with a verified host name (`sslmode=verify-full`), unless one of them says otherwise.
    """
    parts = _secret_parts(secret) | parts_of(url)
    missing = [name for name in ("host", "user", "password") if not parts.get(name)]
    if missing:
        raise InvalidSetting(
            f"DATABASE_SECRET_ARN and DATABASE_URL together name no {' and no '.join(missing)}; add the key to the"
            " secret, or a host to DATABASE_URL like postgresql://HOST:5432/DATABASE."
        )
    parts.setdefault("sslmode", "verify-full")
    if str(parts["sslmode"]).startswith("verify-"):
        parts.setdefault("sslrootcert", authorities(str(parts["host"])))
    return make_conninfo("", **{name: value for name, value in parts.items() if value is not None})


def authorities(host: str) -> str:
    """Whom to trust for `host`, as libpq's sslrootcert: its region's RDS authorities (a file per region: reading all
    takes 33 ms at every connection), Amazon's public ones for an RDS Proxy, the system's for any other host."""
    matched = RDS_HOST.search(host)
    if matched is None:
        return ssl.get_default_verify_paths().cafile or "system"
    file = files("bandit_selector.store") / "authorities" / f"{'proxy' if matched['proxy'] else matched['region']}.pem"
    if not file.is_file():
        raise InvalidSetting(
            f"No RDS certificate authorities are bundled for region {matched['region']!r}; add the region's bundle as"
            f" {file.name}, or write sslrootcert=FILE into DATABASE_URL."
        )
    return str(file)


def read_secret(arn: str, platform: Platform, now: datetime) -> str:
    """The secret's current text. Costs one request (two after a SnapStart restore, whose keys come by HTTP)."""
    region = _region(arn)
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    endpoint = platform.aws_endpoint_url or f"https://{SERVICE}.{region}.{suffix}"
    body = json.dumps({"SecretId": arn}).encode()
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": urlsplit(endpoint).netloc,
        "x-amz-target": "secretsmanager.GetSecretValue",
    }
    signed = sign(headers, body, SERVICE, region, access_key(platform), now)
    answer = _request("POST", endpoint, signed, body)
    if "SecretString" not in answer:
        raise InvalidSetting(f"The secret {arn} is binary; store it as text.")
    return str(answer["SecretString"])


def access_key(platform: Platform) -> AccessKey:
    """This process's key: from its environment, or after a SnapStart restore from an address of Lambda's."""
    if not platform.aws_container_credentials_full_uri:
        return AccessKey(platform.aws_access_key_id, platform.aws_secret_access_key, platform.aws_session_token)
    authorization = {"authorization": platform.aws_container_authorization_token}
    keys = _request("GET", platform.aws_container_credentials_full_uri, authorization, b"")
    return AccessKey(str(keys["AccessKeyId"]), str(keys["SecretAccessKey"]), str(keys["Token"]))


def _region(arn: str) -> str:
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != SERVICE:
        raise InvalidSetting(f"{arn!r} is not the ARN of a secret; it looks like arn:aws:secretsmanager:….")
    return parts[3]


def _secret_parts(secret: str) -> dict[str, str | int | None]:
    if secret.startswith(("postgresql://", "postgres://")):
        return dict(parts_of(secret))
    try:
        document = json.loads(secret)
        named = {"user": document["username"], "password": document["password"]}
    except (ValueError, TypeError, KeyError):
        raise InvalidSetting(
            "The database secret must be JSON with username and password, as RDS makes it, or a postgresql:// URL."
        ) from None
    return named | {name: str(document[name]) for name in ("host", "port", "dbname") if document.get(name)}


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, object]:
    parts = urlsplit(url)
    connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=SECONDS)
    try:
        connection.request(method, parts.path or "/", body, dict(headers))
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        raise DatabaseUnavailable(f"The secret could not be read from {parts.netloc}: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise DatabaseUnavailable(
            f"The secret could not be read: {parts.netloc} answered {answer.status} {text[:300].decode()}"
        )
    return json.loads(text)
