"""Types of the commands' options: each refuses a wrong value with a sentence."""

import argparse
from collections.abc import Callable
from datetime import date
from typing import Final
from urllib.parse import urlsplit

LARGEST_PORT: Final = 65_535
LARGEST_ID: Final = 2**31 - 1
LARGEST_EVENT: Final = 2**63 - 1


def whole(least: int, most: int, what: str) -> Callable[[str], int]:
    """A whole number within these bounds; `what` names it in the refusal."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {what}, a whole number from {least} to {most}")
        return number

    return read


PORT: Final = whole(0, LARGEST_PORT, "a port")
USER: Final = whole(1, LARGEST_ID, "a user's id")
EVENT: Final = whole(1, LARGEST_EVENT, "an event's id")
SEED: Final = whole(0, 2**32 - 1, "a seed")
VISITS: Final = whole(1, 10**9, "a number of visits")


def day(text: str) -> date:
    """A UTC day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write one like 2026-11-01") from None


def address(text: str) -> str:
    """The address of an API, without a slash at its end."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        known = False
    if not known or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not an address; write one like https://api.example.com")
    return text.rstrip("/")
