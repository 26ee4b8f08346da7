"""Each user's best movies by each algorithm, and everybody's under user 0; it must not know where they are written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.candidates.arms import ARMS, Arm, fit, scores
from functions.candidates.ratings import Floats, RatingTable, counts, long_tail
from functions.candidates.similarity import blocks

EVERYBODY = 0  # the user id of the lists for users who have none of their own
LENGTH = 50
ENOUGH_RATINGS = 3  # below that a user is new: everybody's list says more than one or two ratings do
_USERS_AT_ONCE = 128
_FEW = 10  # users; what nearly everybody has rated must not win by one vote

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many parts are done, and of how many."""


def silent(_stage: str, _done: int, _of: int) -> None:
    """Progress for where nobody watches."""


@dataclass(frozen=True, slots=True)
class CandidateList:
    """One algorithm's movies for one user, best first; scores compare within the list only."""

    user_id: int
    algorithm: Arm
    movie_ids: list[int]
    scores: list[float]


def candidate_lists(table: RatingTable, progress: Progress) -> Iterator[CandidateList]:
    """All lists, in blocks of users; without the movies that the user has rated, and never an empty list.

    A user with fewer than three ratings, or for whom an algorithm finds nothing, gets no list of it.
    """
    progress("learning the six algorithms", 0, 1)
    model = fit(table)
    progress("learning the six algorithms", 1, 1)
    known = np.flatnonzero(np.diff(table.matrix.indptr) >= ENOUGH_RATINGS)
    advice = {arm: np.zeros(len(table.movies)) for arm in ARMS}
    for users in blocks(len(table.users), len(table.movies), _USERS_AT_ONCE):
        chosen = known[(known >= users.start) & (known < users.stop)]
        for arm, block in scores(model, users).items():
            for found, columns in _lists(table, arm, chosen, block[chosen - users.start]):
                advice[arm][columns] += np.array(found.scores) / found.scores[0]
                yield found
        progress("listing movies for users", users.stop, len(table.users))
    for arm in ARMS:
        yield _everybodys(table, arm, advice[arm], model.fame)


def _everybodys(table: RatingTable, arm: Arm, advice: Floats, fame: Floats) -> CandidateList:
    """What the algorithm recommends most strongly to those who have not rated it; then the most rated."""
    unseen = len(table.users) - counts(table.matrix)
    line = advice / (unseen + _FEW) + (fame + 1) * 1e-6
    if arm == "long_tail":  # nobody's profile asks for a most-rated movie here, so they come last
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
    """Columns of at most LENGTH positive scores, best first, of equals the lower."""
    length = min(LENGTH, len(line))
    top = np.argpartition(-line, length - 1)[:length] if length else np.empty(0, dtype=np.int64)
    top = top[line[top] > 0]
    return top[np.lexsort((top, -line[top]))]
