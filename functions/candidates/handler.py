"""Builds the six algorithms' lists from the site's ratings every night. Must not know how lists are served."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from bandit_selector.settings import read_settings
from bandit_selector.store.candidates import (
    CandidateRow,
    Replaced,
    read_movies,
    read_ratings,
    replace_candidates,
    unusable_ratings,
)
from bandit_selector.store.connection import Connection, Database, named_failures
from bandit_selector.store.credentials import database_url
from bandit_selector.telemetry import Telemetry

from functions.candidates.arms import ARMS
from functions.candidates.lists import Progress, candidate_lists, silent
from functions.candidates.neighbours import neighbourhoods
from functions.candidates.ratings import RatingTable, counts, long_tail, rating_table

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS),
    statement_seconds=600,
    pooled=SETTINGS.database_pooled,
    role=SETTINGS.database_role,
)
TELEMETRY: Final = Telemetry("candidates")


@TELEMETRY.handling
def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Rebuilds all lists, dated by the event's `time` (ISO 8601); answers the number of lists."""
    now = datetime.fromisoformat(event["time"])
    built = DATABASE.run(lambda connection: build(connection, silent, now))
    left_out = DATABASE.read(unusable_ratings)
    if left_out:
        TELEMETRY.logger.warning("Ratings were left out: NULL, NaN, beyond 0.5 to 5, or unknown ids", ratings=left_out)
    TELEMETRY.logger.info("Candidate lists replaced", lists=built.lists, written=built.written)
    return {"lists": built.lists}


def build(connection: Connection, progress: Progress, now: datetime) -> Replaced:
    """Replaces all candidate lists, the movies' popularity and neighbours, where they changed.

    Raises MissingTable if one of the site's tables or ours is missing.
    """
    with named_failures():
        progress("reading ratings", 0, 1)
        users, movies, values, seconds = read_ratings(connection)
        table = rating_table(users, movies, values, read_movies(connection), seconds)
        progress("reading ratings", 1, 1)
        near = neighbourhoods(table)
        return replace_candidates(connection, ARMS, _rows(table, progress), _popularity(table), now, near)


def _rows(table: RatingTable, progress: Progress) -> Iterator[CandidateRow]:
    for made in candidate_lists(table, progress):
        yield made.user_id, made.algorithm, made.movie_ids, made.scores


def _popularity(table: RatingTable) -> Iterator[tuple[int, int, bool]]:
    rated = counts(table.matrix)
    return zip(table.movies.tolist(), rated.tolist(), long_tail(rated).tolist(), strict=True)
