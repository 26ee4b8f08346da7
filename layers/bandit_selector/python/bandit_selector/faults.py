"""What is wrong with a caller's input, each fault with its field and what was sent. Knows no event and no answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar, cast

from pydantic import BaseModel, ValidationError

from bandit_selector.errors import InvalidRequest
from bandit_selector.jsontext import as_json

Model = TypeVar("Model", bound=BaseModel)

SHOWN: Final = 100
"""Characters of a wrong value that an answer repeats."""
FAULTS: Final = 20
"""Wrong fields that an answer names."""
NOT_TEXT: Final = "must be text without NUL and without half of a surrogate pair"


def validated(read: Callable[[], Model]) -> Model:
    """What `read` answers; raises InvalidRequest where pydantic refuses it."""
    try:
        return read()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)[:FAULTS]
        raise InvalidRequest([_fault(fault["loc"], fault["msg"], fault["input"]) for fault in faults]) from None


def refuse_unreadable(value: object) -> None:
    """Raises InvalidRequest for text that PostgreSQL cannot hold, in a mapping or anywhere inside it."""
    found = list(_unreadable((), value))
    if found:
        raise InvalidRequest(found)


def _unreadable(at: tuple[object, ...], value: object) -> Iterator[dict[str, object]]:
    """The faults of all text in a value, whose keys and places are `at`."""
    if isinstance(value, str) and not _is_text(value):
        yield _fault(at, NOT_TEXT, value)
    for name, part in _parts(value):
        yield from _unreadable((*at, name), part)


def _parts(value: object) -> Iterable[tuple[object, object]]:
    if isinstance(value, dict):
        return cast("Mapping[object, object]", value).items()
    return enumerate(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else ()


def _fault(location: Sequence[object], message: str, value: object) -> dict[str, object]:
    return {
        "field": _short(".".join(map(str, location)) or "body"),
        "message": _short(message),
        "value": _shortened(value),
    }


def _shortened(value: object) -> object:
    """The value, or the first characters of its JSON where that is longer."""
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    text = value if isinstance(value, str) else as_json(value)
    return value if len(text) <= SHOWN else _short(text)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _is_text(value: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL, and no half of a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
