"""Restores bandit_states and the sums from the recorded events, in one transaction, after a yes."""

import argparse

from bandit_selector.store.verification import rebuild

from infra.local.consent import agreed
from infra.local.database import open_database

EXAMPLE = "./dev rebuild"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    if not agreed("Replace the learned counts by those of the recorded events?", arguments.yes):
        return 1
    with open_database() as connection:
        wrong = rebuild(connection)
    print(f"{wrong} cells were wrong and are restored." if wrong else "Every cell was right already.")
    return 0
