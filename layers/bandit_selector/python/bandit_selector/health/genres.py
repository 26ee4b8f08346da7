"""A movie's genres, in whichever form the site keeps them. Knows no I/O."""

import json
from typing import Any, cast


def parse_genres(text: str | None) -> tuple[str, ...]:
    """Names from a JSON list (of names, or of objects with a `name`), a JSON string, or text like `A|B` or `A, B`.

    Each name once, in the order given; nothing, null or an unknown form is no genre.
    """
    if not text:
        return ()
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = text
    names = _split(found) if isinstance(found, str) else _names(found)
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _split(text: str) -> list[str]:
    return text.split("|" if "|" in text else ",")


def _names(found: Any) -> list[str]:
    entries = cast("list[Any]", found) if isinstance(found, list) else []
    named = [cast("dict[str, Any]", entry).get("name") if isinstance(entry, dict) else entry for entry in entries]
    return [name for name in named if isinstance(name, str)]
