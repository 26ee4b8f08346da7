"""Gives an arm another name in all that was learned of it and shown by it; run it before ARMS has the new name."""

import argparse
import re

from bandit_selector.store.arm_names import rename_arm

from infra.local.consent import agreed
from infra.local.database import open_database

EXAMPLE = "./dev rename-arm two_tower neural --yes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=_name)
    parser.add_argument("new", type=_name)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    old, new = arguments.old, arguments.new
    if not agreed(f"Rename the arm {old} to {new} in every table? All its lists are rewritten.", arguments.yes):
        return 1
    with open_database() as connection:
        renamed = rename_arm(connection, old, new)
    rows = ", ".join(f"{count:,} in {table}" for table, count in renamed.items() if count)
    print(f"{old} is {new}: {rows}. Now put {new} in its place in ARMS and CONTROL_WEIGHTS.")
    return 0


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", text):
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not the name of an arm: small letters, digits and _")
    return text
