"""Every night: the six algorithms' lists from the site's ratings. Reads, scores, replaces; serves nobody."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from bandit_selector.settings import read_settings
from bandit_selector.store.candidates import CandidateRow, read_movies, read_ratings, replace_candidates
from bandit_selector.store.connection import Connection, Database, named_failures
from bandit_selector.store.credentials import database_url
from bandit_selector.telemetry import Telemetry

from functions.candidates.arms import ARMS
from functions.candidates.lists import Progress, candidate_lists, silent
from functions.candidates.ratings import RatingTable, counts, long_tail, rating_table

SETTINGS: Final = read_settings()
DATABASE: Final = Database(lambda: database_url(SETTINGS), statement_seconds=600)
TELEMETRY: Final = Telemetry("candidates")


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Builds all lists anew, dated by the event's `time` (ISO 8601); answers how many were written."""
    now = datetime.fromisoformat(event["time"])
    lists = DATABASE.run(lambda connection: build(connection, silent, now))
    TELEMETRY.logger.info("Candidate lists replaced", lists=lists)
    return {"lists": lists}


def build(connection: Connection, progress: Progress, now: datetime) -> int:
    """Replace all candidate lists and the movies' popularity by what the ratings say; returns the lists written.

    Raises MissingTable where the site's tables or ours are not there.
    """
    with named_failures():
        progress("reading ratings", 0, 1)
        table = rating_table(*read_ratings(connection), read_movies(connection))
        progress("reading ratings", 1, 1)
        return replace_candidates(connection, ARMS, _rows(table, progress), _popularity(table), now)


def _rows(table: RatingTable, progress: Progress) -> Iterator[CandidateRow]:
    for found in candidate_lists(table, progress):
        yield found.user_id, found.algorithm, found.movie_ids, found.scores


def _popularity(table: RatingTable) -> Iterator[tuple[int, int, bool]]:
    rated = counts(table.matrix)
    return zip(table.movies.tolist(), rated.tolist(), long_tail(rated).tolist(), strict=True)
