"""Loads a MovieLens folder (ml-latest-small or ml-100k) into users, movies and ratings; replaces existing rows."""

import argparse
from pathlib import Path

from infra.local import site
from infra.local.database import open_database
from infra.local.movielens import read_movielens

EXAMPLE = "./dev import-movielens ml-latest-small"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="with ratings.csv and movies.csv, or u.data")
    parser.epilog = (
        "DATABASE_URL names the database; without it, this checkout's own. MovieLens is GroupLens' data under its "
        "own licence: see the README in the folder."
    )


def run(arguments: argparse.Namespace) -> int:
    catalogue = read_movielens(arguments.folder)
    with open_database() as connection:
        site.load(connection, catalogue)
    users, movies, ratings = len(catalogue.users), len(catalogue.movies), len(catalogue.ratings)
    print(f"{users} users, {movies} movies and {ratings} ratings are loaded.\nNext: ./dev candidates")
    return 0
