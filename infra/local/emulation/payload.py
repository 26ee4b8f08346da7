"""HTTP requests as Lambda events and Lambda answers as HTTP responses, payload format 2.0. Knows no route.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.service import Route

ACCOUNT: Final = "123456789012"
API: Final = "local"
TEXT: Final = re.compile(r"text/.*|application/(json|javascript|xml|.+\+json|.+\+xml)")


class Malformed(ValueError):
    """A function's answer that API Gateway cannot turn into a response."""


def event(
    request: web.BaseRequest,
    body: bytes,
    route: Route,
    parameters: Mapping[str, str],
    authorizer: Mapping[str, Any] | None,
    moment: datetime,
) -> dict[str, Any]:
    """The event of one request at `moment`; repeated headers and query parameters are joined by commas."""
    query = request.rel_url.raw_query_string
    is_text = _is_text(request, body)
    key = f"{route.method} {route.path}"
    headers = _joined((name.lower(), value) for name, value in request.headers.items() if name.lower() != "cookie")
    optional = {
        "cookies": [part.strip() for part in request.headers.get("Cookie", "").split(";") if part.strip()],
        "queryStringParameters": _joined(parse_qsl(query, keep_blank_values=True)),
        "pathParameters": dict(parameters),
        "body": body.decode() if is_text else base64.b64encode(body).decode(),
    }
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": request.path,
        "rawQueryString": query,
        "headers": headers,
        **{name: value for name, value in optional.items() if value},
        "isBase64Encoded": bool(body) and not is_text,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API,
            **({"authorizer": authorizer} if authorizer else {}),
            "domainName": headers.get("host", ""),
            "domainPrefix": API,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
                "sourceIp": request.remote or "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": key,
            "stage": "$default",
            "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(moment.timestamp() * 1000),
        },
    }


class Answer(BaseModel):
    """A function's full answer; the names are those of the payload format."""

    model_config = ConfigDict(strict=True)

    statusCode: int = Field(ge=100, le=599)
    headers: dict[str, str | bool | int | float] | None = None
    cookies: list[str] | None = None
    body: str | None = None
    isBase64Encoded: bool = False


def response(answer: bytes) -> web.Response:
    """The HTTP response of a function's answer; JSON without a statusCode is itself the body of a 200."""
    said: object = json.loads(answer)
    if not isinstance(said, dict) or "statusCode" not in said:
        body = said if isinstance(said, str) else json.dumps(said)
        return web.Response(body=body.encode(), content_type="application/json")
    try:
        return _response(Answer.model_validate(said))
    except (ValidationError, binascii.Error) as error:
        raise Malformed(str(error)) from error


def _response(said: Answer) -> web.Response:
    headers = CIMultiDict({name: _header(value) for name, value in (said.headers or {}).items()})
    for cookie in said.cookies or []:
        headers.add("Set-Cookie", cookie)
    headers.setdefault("Content-Type", "text/plain; charset=utf-8")
    body = said.body or ""
    content = base64.b64decode(body, validate=True) if said.isBase64Encoded else body.encode()
    return web.Response(status=said.statusCode, headers=headers, body=content)


def _is_text(request: web.BaseRequest, body: bytes) -> bool:
    """Whether a body travels as it is: it has a text's type, and is text."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return "Content-Type" not in request.headers or bool(TEXT.fullmatch(request.content_type))


def _header(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
