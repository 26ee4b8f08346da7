"""Erases every row about one visitor and keeps the learned counts."""

import argparse

from bandit_selector.store.retention import forget_user

from infra.local.consent import agreed
from infra.local.database import open_database
from infra.local.options import USER


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", type=USER, help="the user's id")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    if not agreed(f"Erase everything recorded about user {arguments.user}?", arguments.yes):
        return 1
    with open_database() as connection:
        impressions = forget_user(connection, arguments.user)
    print(f"User {arguments.user} is forgotten: {impressions:,} impressions and all their feedback are erased.")
    print("`users` and `ratings` are the site's own and were not touched. Feedback still in the queue: run this again.")
    return 0
