"""Gives a site's table its name back and removes every table of Bandit Selector, after a yes."""

import argparse
from pathlib import Path

from bandit_selector.store.connection import Connection, named_failures
from bandit_selector.store.rollups import all_days
from bandit_selector.store.uninstall import uninstall

from infra.local.consent import agreed
from infra.local.database import open_database
from infra.local.export import export

EXAMPLE = "./dev uninstall --export kept"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--export", type=Path, metavar="FOLDER", help="write our impressions and cells there first")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.epilog = "The site's own rows stay. Stop the service first. DATABASE_URL names the database."


def run(arguments: argparse.Namespace) -> int:
    with open_database() as connection, named_failures():
        if arguments.export:
            rows = _export(connection, arguments.export)
            print(f"{rows:,} impressions and bandit_states.csv are in {arguments.export}.")
        if not agreed("Remove every table of Bandit Selector, and all that it learned?", arguments.yes):
            return 1
        for sentence in uninstall(connection):
            print(sentence)
    return 0


def _export(connection: Connection, folder: Path) -> int:
    rows = export(connection, all_days(connection), folder)
    copied = "COPY (SELECT * FROM bandit_states ORDER BY context_key, algorithm) TO STDOUT WITH (FORMAT csv, HEADER)"
    with (folder / "bandit_states.csv").open("wb") as file, connection.cursor().copy(copied) as lines:
        for line in lines:
            file.write(line)
    return rows
