"""How values are written in settings: durations, lists, weights, time zones, factors. Knows no setting."""

import re
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST: Final = timedelta(days=36_500)
"""A duration before or after now is still a moment that PostgreSQL and Python know."""


def parse_duration(text: object) -> object:
    """`90s`, `10m`, `12h`, `7d` → timedelta; a value that is not text is returned unchanged."""
    if not isinstance(text, str):
        return text
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)\s*([smhd])", text.strip(), re.ASCII)
    if not parts:
        raise ValueError(f"{text!r} is not a duration; write one like 90s, 10m, 12h or 7d")
    number, unit = float(parts[1]), timedelta(**{UNITS[parts[2]]: 1})
    if number > LONGEST / unit:
        raise ValueError(f"{text!r} is more than {days(LONGEST)}")
    return number * unit


def days(span: timedelta) -> str:
    """A duration as a setting is written: `90d`."""
    return f"{span / timedelta(days=1):g}d"


def parse_silence(text: object) -> object:
    """`off` → None, which means that silence never counts, or that no visit is in a session; else a duration."""
    return None if text == "off" else parse_duration(text)


def parse_bound(text: object) -> object:
    """`off` → None, which means that there is no bound; anything else as it is."""
    return None if text == "off" else text


def parse_list(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def parse_weights(text: object) -> object:
    """`svd=.6,item_cf=.4` → {"svd": .6, "item_cf": .4}."""
    if not isinstance(text, str):
        return text
    return {name.strip(): weight for name, _, weight in (part.partition("=") for part in text.split(","))}


def parse_zone(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not an IANA time zone; write one like 'Europe/Berlin'") from None


def parse_factors(text: object) -> object:
    """`device:mobile|desktop;country:de|at` → {"device": ("mobile", "desktop"), "country": ("de", "at")}."""
    if not isinstance(text, str):
        return text
    parts = [part.strip().partition(":") for part in text.split(";") if part.strip()]
    names = [name for name, _, _ in parts]
    if len(set(names)) != len(names):
        raise ValueError(f"{text!r} names a factor twice")
    return {name: tuple(dict.fromkeys(levels.split("|"))) for name, _, levels in parts}
