"""The API's reference, OpenAPI 3.1, made of infra.service and the models. Run as a module, it writes the files.

`functions/monitor/reference/openapi.json` is what /openapi.json answers; docs/openapi.json is a link to it, and
docs/api.md the same for reading.
"""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bandit_selector.web import PUBLIC
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from infra import api_page
from infra.described import ROUTES_DESCRIBED, TRACK, Described, tracking
from infra.local.emulation.gateway import INTEGRATION_SECONDS
from infra.service import ROUTES, Access, Route

Json = dict[str, Any]
ROOT: Final = Path(__file__).parents[1]
FILE: Final = ROOT / "functions" / "monitor" / "reference" / "openapi.json"
PAGE: Final = ROOT / "docs" / "api.md"
REF: Final = "#/components/schemas/"
GATEWAY: Final = {
    401: "Unauthorized", 403: "Forbidden", 413: "Request Entity Too Large", 429: "Too Many Requests",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
"""What API Gateway says by itself, in its own shape: HTTP APIs have no setting that changes it."""
WHY: Final = {
    304: "The browser has the file already.",
    401: "The token is missing, expired, or of an issuer that the service does not know. The gateway's own answer.",
    403: "The token is for another user, or lacks the scope. The gateway answers where it checks the scope.",
    404: "There is nothing of this name.",
    413: "The body is too large.",
    422: "The request cannot be understood; `errors` names each wrong field and what it should be.",
    429: "Too many requests: the gateway's limit for all callers, or this token's for a day. See `Retry-After`.",
    500: "The service failed. Its log has the reason under the request's id.",
    503: "The database or the queue did not answer, or more requests came at once than the function takes.",
}
ACCESS: Final[dict[Access, str]] = {
    "open": "Open to everybody.",
    "visitor": "Needs a token. A visitor's token acts for its own user, one with the scope `service` for any.",
    "analytics": "Needs a token with the scope `analytics`.",
    "service": "Needs a token with the scope `service`.",
}
TAGS: Final = {
    "/movies": "Lists", "/selections": "Lists", "/analytics/track": "Feedback", "/analytics": "Figures", "/": "Pages",
}  # fmt: skip
"""By the beginning of a path, the longest first."""
ABOUT: Final = f"""Decides which algorithm fills each place of a list, learns from feedback, and tests whether it pays.

Every answer has an `X-Request-Id`, which the service's log has, too. Errors of the service are problem details
(RFC 9457, `application/problem+json`). What the gateway refuses by itself, before a function runs, has its own
shape, `{{"message": "Unauthorized"}}`: AWS has no setting for it in HTTP APIs. A request is answered within
{INTEGRATION_SECONDS:.0f} seconds. All callers together have `requests_per_second` of the deployment; beyond it the
gateway answers 429. Numbers may be sent as text. Fields that a body or query does not name are ignored."""


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list["Fault"] | None = None


class Fault(BaseModel):
    """One wrong field, what it should be, and its value."""

    field: str
    message: str
    value: object


class GatewayMessage(BaseModel):
    """The gateway's own answer."""

    message: str


def document() -> Json:
    """The whole reference."""
    paths: dict[str, Json] = {}
    for route, one in operations():
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, one)
    schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bandit Selector", "version": version("bandit-selector"), "description": ABOUT},
        "paths": paths,
        "components": {"schemas": schemas(), "securitySchemes": schemes},
    }


def operations() -> Iterator[tuple[Route, Described]]:
    """Every route with its description; tracking has one for each action."""
    for route in ROUTES:
        name = f"{route.method} {route.path}"
        several = tracking() if name == TRACK else {name: ROUTES_DESCRIBED[name]}
        for each, one in several.items():
            yield Route(route.method, each.partition(" ")[2], route.function, route.access), one


def operation(route: Route, one: Described) -> Json:
    made: Json = {
        "operationId": f"{route.method} {route.path}".lower().translate(str.maketrans(" /", "__", "{}")).strip("_"),
        "summary": one.summary,
        "description": f"{one.text} {ACCESS[route.access]}".strip(),
        "x-access": route.access,
        "tags": [_tag(route.path)],
        "responses": {str(one.status): _answered(one), **{str(code): _error(code) for code in statuses(route, one)}},
    }
    if parameters := [*_path(one), *_query(one)]:
        made["parameters"] = parameters
    if one.body:
        content = {"schema": _ref(one.body), "example": _example(one.body)}
        made["requestBody"] = {
            "required": True,
            "description": f"At most {one.most:,} bytes.",
            "content": {"application/json": content},
        }
    if route.access != "open":
        made["security"] = [{"token": []}]
    return made


def _tag(path: str) -> str:
    """The heading of a route on the reference's page."""
    return next(tag for begin, tag in TAGS.items() if path.startswith(begin))


def statuses(route: Route, one: Described) -> list[int]:
    """The statuses of a route's errors."""
    found = {500, 503, 429, *one.errors}
    found |= {422} if one.query or one.body or "{" in route.path else set()
    found |= {413} if one.body else set()
    return sorted(found if route.access == "open" else found | {401, 403})


def schemas() -> Json:
    """Every model once, by its name."""
    read: set[type[BaseModel]] = {model for _, one in operations() for model in (one.body,) if model}
    said = {one.answer for _, one in operations() if isinstance(one.answer, type)}
    wanted: list[Any] = [(model, "validation") for model in read]
    wanted += [(model, "serialization") for model in (*said, Problem, GatewayMessage)]
    wanted.sort(key=lambda one: one[0].__name__)
    _, made = models_json_schema(wanted, ref_template=REF + "{model}")
    return {name: made["$defs"][name] for name in sorted(made["$defs"])}


def _answered(one: Described) -> Json:
    made: Json = {"description": one.summary + "."}
    if one.headers:
        made["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in one.headers.items()
        }
    if isinstance(one.answer, str):
        kind = {"type": "object"} if one.answer.endswith("json") else {"type": "string"}
        return made | {"content": {one.answer: {"schema": kind}}}
    schema = {"type": "array", "items": _ref(one.answer)} if one.many else _ref(one.answer)
    return made | {"content": {"application/json": {"schema": schema}}}


def _error(status: int) -> Json:
    made: Json = {"description": WHY[status]}
    if status == 304:
        return made
    content: Json = {}
    if status != 401:
        content["application/problem+json"] = {"schema": _ref(Problem), "example": _problem(status)}
    if status in GATEWAY:
        content["application/json"] = {"schema": _ref(GatewayMessage), "example": {"message": GATEWAY[status]}}
    if status in {404, 503}:  # a file of a page
        content["text/plain"] = {"schema": {"type": "string"}}
    return made | {"content": content}


def _problem(status: int) -> Json:
    public = [one for one in PUBLIC.values() if one.status == status]
    title = public[0].title if public else HTTPStatus(status).phrase
    detail = (public[0].sentence if public else "") or WHY[status]
    made = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": "JKJaXmPLvHcESHA="}
    wrong = {"field": "limit", "message": "Input should be less than or equal to 50", "value": "99"}
    return made | ({"errors": [wrong]} if status == 422 else {})


def _path(one: Described) -> list[Json]:
    if one.path is None:
        return []
    name, example = one.path
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": example}]


def _query(one: Described) -> list[Json]:
    if one.query is None:
        return []
    model = one.query.model_json_schema()
    needed = model.get("required", [])
    return [_parameter(name, part, name in needed) for name, part in model["properties"].items()]


def _parameter(name: str, part: Json, needed: bool) -> Json:
    schema = {key: value for key, value in part.items() if key not in {"title", "description", "examples", "default"}}
    choices = [each for each in schema.pop("anyOf", []) if each.get("type") not in {"null", "boolean"}]
    schema |= choices[0] if choices else {}
    if part.get("default") is not None:
        schema["default"] = part["default"]
    made: Json = {"name": name, "in": "query", "required": needed, "schema": schema}
    if "description" in part:
        made["description"] = part["description"]
    return made | ({"example": part["examples"][0]} if "examples" in part else {})


def _example(model: type[BaseModel]) -> Json:
    """The examples of a model's fields, for those that have one."""
    fields = model.model_fields.items()
    return {name: field.examples[0] for name, field in fields if field.examples and name not in {"time_zone", "seed"}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": REF + model.__name__}


def as_text(made: Mapping[str, Any]) -> str:
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    made = document()
    FILE.write_text(as_text(made))
    PAGE.write_text(api_page.page(made))


if __name__ == "__main__":
    main()
