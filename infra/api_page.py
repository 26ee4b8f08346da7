"""docs/api.md: the API's reference for reading, made of the OpenAPI document alone."""

import json
from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]
EXAMPLES: Final = """
## Examples

With `curl`, for a shell that has `API` and `TOKEN`:

```sh
curl -sf "$API/movies/recommendations?user_id=1&limit=3" -H "Authorization: Bearer $TOKEN"
curl -sf "$API/selections" -H "Authorization: Bearer $TOKEN" -d '{"user_id": 1, "places": 3}'
curl -sf "$API/analytics/track/click" -H "Authorization: Bearer $TOKEN" -d '{"user_id": 1, "movie_id": 5}'
```

In a page, with the [browser client](../clients/browser/README.md):

```js
const bandit = connect({ url: api, userId: 1, token: () => token });
const { movies } = await bandit.recommendations({ limit: 3 });
bandit.track.click(movies[0]);
```

On a server, in Python with httpx. The token has the scope `service`:

```python
import httpx

site = httpx.Client(base_url=api, headers={"Authorization": f"Bearer {token}"})
candidates = {"svd": [{"movie_id": 5, "score": 0.9}, {"movie_id": 7, "score": 0.4}]}
asked = {"user_id": 1, "limit": 2, "candidates": candidates}
movies = site.post("/movies/recommendations", json=asked).raise_for_status().json()
click = {"action": "click", "event_id": movies[0]["event_id"]}
site.post("/analytics/track", json={"user_id": 1, "reactions": [click]}).raise_for_status()
```
"""
"""Run by tests/e2e/test_api.py."""


def page(document: Json) -> str:
    """The page as Markdown."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Json) -> Iterator[str]:
    yield "# API reference"
    yield ""
    yield "Made from `openapi.json` by `./dev python -m infra.openapi`; a test says when it is not up to date."
    yield "A running service shows it at `/docs` and answers it at `/openapi.json`."
    yield ""
    yield document["info"]["description"]
    yield from ("", EXAMPLES.strip())
    models = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield from _operation(f"{method.upper()} {path}", one, models)


def _operation(name: str, one: Json, models: Json) -> Iterator[str]:
    yield from ("", f"## {name}", "", f"{one['summary']}. {one['description']}")
    if "parameters" in one:
        yield from ("", "| parameter | kind | what |", "|---|---|---|")
        for part in one["parameters"]:
            yield _row(part["name"], part["schema"], part["required"], part.get("description", ""))
    if "requestBody" in one:
        content = one["requestBody"]["content"]["application/json"]
        yield from ("", f"Body. {one['requestBody']['description']}", "", "| field | kind | what |", "|---|---|---|")
        model = models[content["schema"]["$ref"].rpartition("/")[2]]
        for field, part in model["properties"].items():
            yield _row(field, part, field in model.get("required", []), part.get("description", ""))
        yield from ("", "```json", json.dumps(content["example"]), "```")
    yield from ("", "| status | answer |", "|---|---|")
    for status, answer in one["responses"].items():
        yield f"| {status} | {answer['description']} {_kind_of_answer(answer)}".rstrip() + " |"


def _row(name: str, schema: Json, needed: bool, what: str) -> str:
    return f"| `{name}`{', required' if needed else ''} | {kind(schema)} | {what} |".replace("  ", " ")


def _kind_of_answer(answer: Json) -> str:
    kinds = [kind(content["schema"]) for name, content in answer.get("content", {}).items() if "json" in name]
    return f"({', or '.join(kinds)})" if kinds else ""


def kind(schema: Json) -> str:
    """A schema in words: its type, bounds and default."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(kind(each) for each in several if each.get("type") != "null"))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"]) + _default(schema)
    made = str(schema.get("type", "any"))
    if made == "array" and "items" in schema:
        made = f"list of {kind(schema['items'])}"
    return made + _bounds(schema) + _default(schema)


def _bounds(schema: Json) -> str:
    names = {
        "minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below",
        "minItems": "at least", "maxItems": "at most", "minLength": "at least", "maxLength": "at most",
        "multipleOf": "in steps of",
    }  # fmt: skip
    found = [f"{word} {schema[name]}" for name, word in names.items() if name in schema]
    return f", {', '.join(found)}" if found else ""


def _default(schema: Json) -> str:
    return f"; default `{schema['default']}`" if schema.get("default") is not None else ""
