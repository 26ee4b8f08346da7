"""Erases every row about one visitor and keeps the learned counts."""

import argparse
from datetime import UTC, datetime

from bandit_selector.store.retention import forget_user

from infra.local.consent import agreed
from infra.local.database import open_database
from infra.local.options import USER
from infra.local.queues import NoQueue, forget_letters, open_queues


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", type=USER, help="the user's id")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    if not agreed(f"Erase everything recorded about user {arguments.user}?", arguments.yes):
        return 1
    with open_database() as connection:
        impressions = forget_user(connection, arguments.user, datetime.now(UTC))
    print(f"User {arguments.user} is forgotten: {impressions:,} impressions and all their feedback are erased.")
    print("`users` and `ratings` are the site's own and were not touched. Feedback in the queue will be dropped.")
    print(_letters(arguments.user))
    return 0


def _letters(user_id: int) -> str:
    """Deletes the visitor's dead letters where the queues are known."""
    try:
        return f"{forget_letters(open_queues(), user_id):,} dead letters of theirs are deleted."
    except NoQueue:
        return "No queue is known here: dead letters of theirs stay, and a replay drops them. See docs/privacy.md."
