"""Drops events older than a duration, a table of a week at once, and keeps everything that was learned from them."""

import argparse
from datetime import datetime, timedelta
from time import sleep

from bandit_selector.parsing import days, parse_duration
from bandit_selector.services.archive import safe_before
from bandit_selector.settings import read_settings
from bandit_selector.store.archives import bounds
from bandit_selector.store.connection import Connection, named_failures, unit
from bandit_selector.store.retention import prune

from infra.local import moment
from infra.local.consent import agreed
from infra.local.database import open_database
from infra.local.errors import LocalError

EXAMPLE = "./dev prune --older-than 90d"
SHORTEST = timedelta(days=30)


class NotArchived(LocalError):
    """Events that would go are not archived."""

    def __init__(self, day: datetime) -> None:
        super().__init__(
            f"Events from {day:%Y-%m-%d} on are not archived, and nothing was removed: let the archive function run "
            "first (docs/archive.md), or add --without-archive to lose them."
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--older-than", type=_age, metavar="90d", help="at least 30d; whole UTC days (KEEP_EVENTS)")
    parser.add_argument("--without-archive", action="store_true", help="drop events that no archive holds, too")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    day, _ = bounds((moment.now() - (arguments.older_than or read_settings().keep_events)).date())
    if not agreed(f"Remove all events from before {day:%Y-%m-%d} UTC?", arguments.yes):
        return 1
    with open_database(in_steps=True) as connection, named_failures():
        if not arguments.without_archive:
            _archived(connection, day)
        tables = list(prune(connection, day, sleep))
    print(f"Dropped {len(tables)} tables of weeks before {day:%Y-%m-%d} UTC; what was learned from them stays.")
    return 0


def _archived(connection: Connection, day: datetime) -> None:
    """Raises NotArchived if the tables have events from before `day` that the archive lacks."""
    with unit(connection):
        safe = safe_before(connection, day)
    if safe < day:
        raise NotArchived(safe)


def _age(text: str) -> timedelta:
    try:
        age = parse_duration(text)
    except ValueError:
        age = None
    if not isinstance(age, timedelta) or age < SHORTEST:
        raise argparse.ArgumentTypeError(f"{text!r} must be a duration of at least {days(SHORTEST)}, like 180d")
    return age
