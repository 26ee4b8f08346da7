"""Each user's best movies by each algorithm, and general lists as user 0; must not know where they are stored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.candidates.arms import ARMS, Arm, fit, scores
from functions.candidates.ratings import Floats, RatingTable, counts, long_tail
from functions.candidates.similarity import blocks

EVERYBODY = 0  # the user id of the general lists, for users without their own
LENGTH = 50
ENOUGH_RATINGS = 3  # below that a user is new: the general list is better than one from one or two ratings
_USERS_AT_ONCE = 128
_FEW = 10  # users; shrinks the mean, so that one vote on a movie that nearly all have rated does not win

Progress = Callable[[str, int, int], None]
"""Called with the current step, the number of parts done, and the number of all parts."""


def silent(_stage: str, _done: int, _of: int) -> None:
    """Shows no progress."""


@dataclass(frozen=True, slots=True)
class CandidateList:
    """One algorithm's movies for one user, best first; scores compare within the list only."""

    user_id: int
    algorithm: Arm
    movie_ids: list[int]
    scores: list[float]


def candidate_lists(table: RatingTable, progress: Progress) -> Iterator[CandidateList]:
    """All lists, in blocks of users; without movies that the user has rated; no list is empty.

    A user with fewer than three ratings gets no list; an algorithm without results for a user writes none. A catalogue
    without movies has no lists.
    """
    if not len(table.movies):
        return
    progress("learning the six algorithms", 0, 1)
    model = fit(table)
    progress("learning the six algorithms", 1, 1)
    known = np.flatnonzero(np.diff(table.matrix.indptr) >= ENOUGH_RATINGS)
    advice = {arm: np.zeros(len(table.movies)) for arm in ARMS}
    for users in blocks(len(table.users), len(table.movies), _USERS_AT_ONCE):
        chosen = known[(known >= users.start) & (known < users.stop)]
        for arm, block in scores(model, users).items():
            for made, columns in _lists(table, arm, chosen, block[chosen - users.start]):
                advice[arm][columns] += np.array(made.scores) / made.scores[0]
                yield made
        progress("listing movies for users", users.stop, len(table.users))
    for arm in ARMS:
        yield _everybodys(table, arm, advice[arm], model.fame)


def _everybodys(table: RatingTable, arm: Arm, advice: Floats, fame: Floats) -> CandidateList:
    """The general list: movies with the highest mean score of users who have not rated them, then the most rated."""
    unseen = len(table.users) - counts(table.matrix)
    line = advice / (unseen + _FEW) + (fame + 1) * 1e-6
    if arm == "long_tail":  # in this list the most-rated movies come last
        line[~long_tail(counts(table.matrix))] *= 1e-6
    top = _best(line)
    return CandidateList(EVERYBODY, arm, table.movies[top].tolist(), line[top].tolist())


def _lists(
    table: RatingTable, arm: Arm, rows: NDArray[np.int64], block: Floats
) -> Iterator[tuple[CandidateList, NDArray[np.int64]]]:
    """Each row's list and its movies' columns."""
    for row, line in zip(rows.tolist(), block, strict=True):
        start, stop = table.matrix.indptr[row : row + 2]
        line[table.matrix.indices[start:stop]] = 0
        top = _best(line)
        if len(top):
            yield CandidateList(int(table.users[row]), arm, table.movies[top].tolist(), line[top].tolist()), top


def _best(line: Floats) -> NDArray[np.int64]:
    """Columns of at most LENGTH positive scores, best first; ties go to the lower column."""
    length = min(LENGTH, len(line))
    top = np.argpartition(-line, length - 1)[:length] if length else np.empty(0, dtype=np.int64)
    top = top[line[top] > 0]
    return top[np.lexsort((top, -line[top]))]
