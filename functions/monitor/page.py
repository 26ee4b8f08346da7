"""Serves the dashboard's files with their security headers. Must not know figures or tokens."""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bandit_selector.settings import Settings
from bandit_selector.web import HttpAnswer

BUILT: Final = Path(__file__).parent / "dashboard" / "dist"
INDEX: Final = "index.html"
CONFIGURATION: Final = "configuration.json"
KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
NOT_BUILT: Final = (
    "This page is not built here: install Node.js 20 or newer with npm, "
    "then start the service again by ./dev serve or ./dev demo."
)


def serve(asset: str, settings: Settings, headers: Mapping[str, str], folder: Path = BUILT) -> HttpAnswer:
    """One file of the page, as an answer in API Gateway's payload 2.0.

    `asset` is the file's name without a folder; the names of the request's `headers` are in lower case. Answers 304 if
    the browser has the file already, 404 if the page has no such file, and 503 if the page was not built.
    """
    if not (folder / INDEX).is_file():
        return _answer(503, "not-built.txt", NOT_BUILT.encode(), settings)
    if asset == CONFIGURATION:
        return _answer(200, asset, json.dumps(configuration(settings)).encode(), settings)
    files = {file.name: file for file in folder.iterdir()}
    if asset not in files:
        return _answer(404, "unknown.txt", f"This page has no file {asset!r}.".encode(), settings)
    return file(asset, files[asset].read_bytes(), settings, headers)


def file(name: str, content: bytes, settings: Settings, headers: Mapping[str, str]) -> HttpAnswer:
    """A file, or 304 if the browser has it already."""
    answer = _answer(200, name, content, settings)
    known = headers.get("if-none-match") == answer["headers"]["etag"]
    return answer | {"statusCode": 304, "body": ""} if known else _packed(answer, headers)


def configuration(settings: Settings) -> dict[str, str]:
    """The sign-in's addresses and client, the time zone, the notice above the figures, BANDIT; nothing is secret."""
    return {
        "authorize_url": settings.sign_in_authorize_url,
        "token_url": settings.sign_in_token_url,
        "revoke_url": settings.sign_in_revoke_url,
        "client_id": settings.sign_in_client_id,
        "scope": settings.sign_in_scope,
        "time_zone": str(settings.time_zone),
        "notice": settings.dashboard_notice,
        "bandit": settings.bandit,
    }


def policy(settings: Settings) -> str:
    """The Content-Security-Policy: this origin's files, no inline script or style, and the issuer's addresses."""
    asked = map(urlsplit, (settings.sign_in_token_url, settings.sign_in_revoke_url))
    issuer = "".join(dict.fromkeys(f" {url.scheme}://{url.netloc}" for url in asked if url.netloc))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'{issuer}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _packed(answer: HttpAnswer, headers: Mapping[str, str]) -> HttpAnswer:
    """The answer, with gzip if the browser accepts it, because API Gateway's HTTP APIs do not compress."""
    if "gzip" not in headers.get("accept-encoding", ""):
        return answer
    body = b64encode(gzip.compress(answer["body"].encode(), mtime=0)).decode()
    return answer | {"headers": answer["headers"] | {"content-encoding": "gzip"}, "body": body, "isBase64Encoded": True}


def _answer(status: int, name: str, content: bytes, settings: Settings) -> HttpAnswer:
    return {
        "statusCode": status,
        "headers": {
            "content-type": KINDS[Path(name).suffix],
            "cache-control": "no-cache",
            "etag": f'W/"{sha256(content).hexdigest()[:16]}"',
            "vary": "accept-encoding",
            "content-security-policy": policy(settings),
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        },
        "body": content.decode(),
    }
