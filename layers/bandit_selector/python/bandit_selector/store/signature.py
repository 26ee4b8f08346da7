"""AWS Signature Version 4, without boto3: of a request's headers, and of a login to a database. Sends nothing.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SIGNED: Final = ("content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target")
LOGIN_SECONDS: Final = 900
"""How long RDS takes a login's token; a connection that is open by then stays open."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What a request is signed with; `repr` shows no secret."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)


def sign(
    headers: Mapping[str, str], body: bytes, service: str, region: str, key: AccessKey, now: datetime
) -> dict[str, str]:
    """`headers` (lower case) with date, token and authorization for a POST to `/`."""
    stamp = _stamp(now)
    dated = {**headers, "x-amz-date": stamp} | ({"x-amz-security-token": key.token} if key.token else {})
    names = [name for name in SIGNED if name in dated]
    lines = [f"{name}:{dated[name]}" for name in names]
    canonical = "\n".join(["POST", "/", "", *lines, "", ";".join(names), hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signature = _signature(canonical, stamp, scope, key)
    credential = f"Credential={key.key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return {**dated, "authorization": f"{ALGORITHM} {credential}"}


def login_token(host: str, port: str, user: str, region: str, key: AccessKey, now: datetime) -> str:
    """What a user of RDS gives in place of a password, within LOGIN_SECONDS of `now`."""
    stamp = _stamp(now)
    scope = f"{stamp[:8]}/{region}/rds-db/aws4_request"
    asked = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{key.key_id}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(LOGIN_SECONDS),
        **({"X-Amz-Security-Token": key.token} if key.token else {}),
        "X-Amz-SignedHeaders": "host",
    }
    query = urlencode(asked, quote_via=quote, safe="-_.~")
    canonical = "\n".join(["GET", "/", query, f"host:{host}:{port}", "", "host", hashlib.sha256(b"").hexdigest()])
    return f"{host}:{port}/?{query}&X-Amz-Signature={_signature(canonical, stamp, scope, key)}"


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _signature(canonical: str, stamp: str, scope: str, key: AccessKey) -> str:
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing_key = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    return hmac.new(signing_key, text.encode(), "sha256").hexdigest()
