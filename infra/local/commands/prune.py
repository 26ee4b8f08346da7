"""Drops events older than a duration, a table of a week at once, and keeps everything that was learned from them."""

import argparse
from datetime import UTC, datetime, timedelta
from time import sleep

from bandit_selector.settings import parse_duration
from bandit_selector.store.retention import prune

from infra.local.consent import agreed
from infra.local.database import open_database

SHORTEST = timedelta(days=30)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--older-than", type=_age, default=timedelta(days=180), metavar="180d", help="at least 30d; whole UTC days"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    day = (datetime.now(UTC) - arguments.older_than).replace(hour=0, minute=0, second=0, microsecond=0)
    if not agreed(f"Remove all events from before {day:%Y-%m-%d} UTC?", arguments.yes):
        return 1
    with open_database() as connection:
        tables = list(prune(connection, day, sleep))
    print(f"Dropped {len(tables)} tables of weeks before {day:%Y-%m-%d} UTC; what was learned from them stays.")
    return 0


def _age(text: str) -> timedelta:
    try:
        age = parse_duration(text)
    except ValueError:
        age = None
    if not isinstance(age, timedelta) or age < SHORTEST:
        raise argparse.ArgumentTypeError(f"{text!r} must be a duration of at least 30d, like 180d")
    return age
