"""Builds the six algorithms' candidate lists from the site's movies and ratings, replacing the old in one step."""

import argparse

from bandit_selector.store.candidates import unusable_ratings

from infra.local import moment
from infra.local.candidates import build_watched
from infra.local.database import open_database

EXAMPLE = "DATABASE_URL=postgresql://localhost/site ./dev candidates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "DATABASE_URL names the database; without it, this checkout's own."


def run(arguments: argparse.Namespace) -> int:
    del arguments
    with open_database() as connection:
        lists = build_watched(connection, moment.now())
        left_out = unusable_ratings(connection)
    if left_out:
        print(f"{left_out:,} ratings were left out: NULL, NaN, beyond 0.5 to 5, or with an id that is not one.")
    print(f"{lists} candidate lists are in place; the next request is served from them.")
    return 0
