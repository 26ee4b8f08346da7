"""Erases every row about one visitor, also from the archive, and keeps the learned counts."""

import argparse
from datetime import timedelta

from bandit_selector.services import archive
from bandit_selector.store.archives import is_empty
from bandit_selector.store.connection import named_failures, unit
from bandit_selector.store.retention import forget_user
from rich.console import Console
from rich.progress import track

from functions.archive.bucket import shelf
from functions.archive.parquet import desk
from infra.local import moment, queues
from infra.local.archive import open_bucket
from infra.local.consent import agreed
from infra.local.database import open_database
from infra.local.options import USER
from infra.local.queues import NoQueue, QueueFailed, forget_letters, open_queues

EXAMPLE = "./dev forget-user 7"
TOLD_TO = timedelta(seconds=1)
"""How exactly the service's clock is known."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", type=USER, help="the user's id")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.epilog = "REPORT_BUCKET names the archive's bucket; without it, the running local service's."


def run(arguments: argparse.Namespace) -> int:
    if not agreed(f"Erase everything recorded about user {arguments.user}?", arguments.yes):
        return 1
    now = moment.now() + TOLD_TO  # what was received in this second is forgotten, too
    with open_database(in_steps=True) as connection, named_failures(), desk() as one:
        with unit(connection):
            empty = is_empty(connection)
        if empty:
            known, kept = forget_user(connection, arguments.user, now), 0
        else:
            erased = archive.forget(connection, arguments.user, shelf(open_bucket(), one), now)
            known, kept = next(erased), sum(track(erased, "archived days", console=Console(stderr=True)))
    print(f"User {arguments.user} is forgotten: {known:,} impressions and all their feedback are erased,")
    print(f"and {kept:,} impressions in the archive.")
    print("`users` and `ratings` are the site's own and were not touched. Feedback in the queue will be dropped.")
    print(_letters(arguments.user))
    return 0


def _letters(user_id: int) -> str:
    """Deletes the visitor's dead letters where the queues are known."""
    try:
        with queues.named_failures():
            return f"{forget_letters(open_queues(), user_id):,} dead letters of theirs are deleted."
    except QueueFailed as error:
        raise QueueFailed(f"{error}. Dead letters of theirs stay; forget them once more.") from error
    except NoQueue:
        return "No queue is known here: dead letters of theirs stay, and a replay drops them. See docs/privacy.md."
