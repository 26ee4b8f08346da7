"""An arm's list from what the visitor has just rated or clicked. Knows no storage."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_selector.lists.slate import ArmList

ARM: Final = "graph"
"""The arm that uses it: both go from movie to movie along what visitors have rated."""
LAST: Final = 15  # reactions that count
HALVED: Final = 5.0  # later reactions of the visitor, after which one counts half
LENGTH: Final = 50  # movies of the list

Numbers = NDArray[np.number[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The neighbours of one movie, and for each its transition and its cosine: arrays of one length."""

    movie_ids: Numbers
    transitions: Numbers
    cosines: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Reaction:
    """A rating or click at a moment, in seconds; `neighbours` of its movie, if it has any."""

    at: float
    neighbours: Neighbours | None


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A visitor's last reactions, and the movies that are not long tail."""

    reactions: Sequence[Reaction]
    head: Collection[int]


def session_list(session: Session, rated: Collection[int]) -> ArmList | None:
    """The unrated movies with the highest score; None where no reaction has a neighbour.

    score = ½ [Σ w·T / max + Σ w·cos / max] over the reactions, with w = .5^(age/5) and age the number of strictly
    later reactions. A weight that is negative or not finite counts as 0.
    """
    known = [(0.5 ** (_age(session, one) / HALVED), one.neighbours) for one in session.reactions if one.neighbours]
    if not known:
        return None
    movies, at = np.unique(np.concatenate([near.movie_ids for _, near in known]), return_inverse=True)
    score = np.zeros(len(movies))
    for weights in ([w * _sound(n.transitions) for w, n in known], [w * _sound(n.cosines) for w, n in known]):
        sums = np.bincount(at, np.concatenate(weights), len(movies))
        score += sums / max(float(sums.max(initial=0)), 1e-9) / 2
    score[np.isin(movies, np.fromiter(rated, np.int64, len(rated)))] = 0
    top = np.lexsort((movies, -score))[:LENGTH]
    ids: list[int] = movies[top[score[top] > 0]].tolist()
    return ArmList(ids, score[top[: len(ids)]].tolist(), [movie not in session.head for movie in ids]) if ids else None


def _age(session: Session, reaction: Reaction) -> int:
    return sum(other.at > reaction.at for other in session.reactions)


def _sound(weights: Numbers) -> NDArray[np.float64]:
    return np.maximum(np.nan_to_num(weights.astype(np.float64), nan=0, posinf=0, neginf=0), 0)
