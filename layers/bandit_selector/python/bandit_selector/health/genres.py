"""Reads a movie's genres from the forms that sites use. Knows no storage."""

import json
from functools import lru_cache
from typing import Any, cast


@lru_cache(4096)
def parse_genres(text: str | None) -> tuple[str, ...]:
    """Names from a JSON list (of names, or of objects with a `name`), a JSON string, or text like `A|B` or `A, B`.

    Each name appears once, in the given order; an empty text, null or an unknown form gives ().
    """
    if not text:
        return ()
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        parsed = text
    names = _split(parsed) if isinstance(parsed, str) else _names(parsed)
    return _once(names)


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def genres_of(value: object) -> tuple[str, ...]:
    """The same from a column of text or of JSON."""
    if isinstance(value, str) or value is None:
        return parse_genres(value)
    try:
        return _of_list(tuple(cast("list[object]", value) if isinstance(value, list) else ()))
    except TypeError:  # entries that no cache can hold: objects
        return _once(_names(value))


@lru_cache(4096)
def _of_list(entries: tuple[object, ...]) -> tuple[str, ...]:
    return _once(_names(list(entries)))


def _split(text: str) -> list[str]:
    """`A|B`, `A, B`, or a list that is not JSON, as `['A', 'B']` or `[A`."""
    return [name.strip(" []'\"") for name in text.split("|" if "|" in text else ",")]


def _names(parsed: Any) -> list[str]:
    entries = cast("list[Any]", parsed) if isinstance(parsed, list) else []
    named = [cast("dict[str, Any]", entry).get("name") if isinstance(entry, dict) else entry for entry in entries]
    return [name for name in named if isinstance(name, str)]
