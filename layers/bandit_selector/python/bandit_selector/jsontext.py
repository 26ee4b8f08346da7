"""JSON as RFC 8259 has it: of any value that an answer can hold, and whatever a database holds as JSON."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, cast

import pydantic_core


def as_json(body: object) -> str:
    """JSON as RFC 8259 has it: a number that is not finite becomes null, a value without a JSON form its text."""
    try:
        return pydantic_core.to_json(body, inf_nan_mode="null", fallback=str).decode()
    except ValueError:  # half a pair of surrogates, or values nested very deep
        return _slowly(body)


def from_json(text: str) -> Any:
    """The value of JSON that PostgreSQL wrote; a whole number of more digits than Python reads becomes null."""
    try:
        return pydantic_core.from_json(text)
    except ValueError:  # half a pair of surrogates, a number too long, or values nested very deep
        pass
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> int | None:
    try:
        return int(digits)
    except ValueError:
        return None


def _slowly(body: object) -> str:
    """The same by Python's own writer."""
    try:
        return _dumped(body)
    except ValueError:
        return _dumped(_finite(body))


def _dumped(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), default=str, allow_nan=False)


def _finite(value: object) -> object:
    """The value with null in place of every number that is not finite."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in cast("Sequence[object]", value)]
    return value
