"""Learning from one's own visits by the product's rule, with both kinds of visits apart or together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from bandit_selector.lists.context import CONTEXT_KEYS, USER_TYPES, user_type
from bandit_selector.lists.session import ARM
from bandit_selector.settings import Settings
from numpy.typing import NDArray

from benchmarks._lift_worlds import PLACES, Floats, Studied
from benchmarks.arena.policies import Served
from benchmarks.arena.simulation import Outcomes
from functions.candidates.arms import ARMS

VISITS: Final = 5000
LEARNERS: Final = 10
PUBLISHED_EVERY: Final = 100  # visits
SECONDS: Final = 8640.0  # between publications: a thousand visits a day, as in the demo
LEARNED_ALONE: Final = "the session arm"
"""The way in which a demo of real users learns."""
MOMENTS: Final = len(CONTEXT_KEYS) // len(USER_TYPES)


@dataclass(frozen=True, slots=True)
class Visited:
    """One kind of visit: the `lists` that the arms show there, and a further level of its contexts, empty for none."""

    studied: Studied
    lists: tuple[str, ...] = ARMS
    level: str = ""

    @property
    def types(self) -> list[int]:
        return [USER_TYPES.index(user_type(int(count))) for count in self.studied.ratings]


def ways(inside: Studied, outside: Studied) -> Mapping[str, tuple[Visited, ...]]:
    """What is learned from: visits in a session, by returning visitors, and both by halves."""
    fresh = tuple("session" if arm == ARM else arm for arm in ARMS)
    return {
        "six nightly lists": (Visited(inside),),
        LEARNED_ALONE: (Visited(inside, fresh),),
        "six nightly lists, alone": (Visited(outside),),
        "both kinds, one context": (Visited(inside, fresh), Visited(outside)),
        "both kinds, `in_session` a factor": (Visited(inside, fresh, "|yes"), Visited(outside, level="|other")),
    }


def online(visited: Sequence[Visited], seed: int) -> Floats:
    """Clicks when the product's rule learns from its own visits: (kinds, 2, 6), treatment and control; fifths, and all.

    As it is served: all 24 contexts, forgetting, the floor and the cap; published every PUBLISHED_EVERY visits. A visit
    is of any kind, at any time of day; each of its places draws an arm, and is clicked as often as that arm's list is
    by this user.
    """
    rng = np.random.default_rng([seed, 5])
    levels, types_of = sorted({one.level for one in visited}), [one.types for one in visited]
    rule = Served(
        tuple(key + level for level in levels for key in CONTEXT_KEYS), rng, Settings(), PUBLISHED_EVERY * PLACES
    )
    gains = np.zeros((len(visited), 2, VISITS // PUBLISHED_EVERY))
    for batch in range(gains.shape[2]):
        kind: list[int] = rng.integers(0, len(visited), PUBLISHED_EVERY).tolist()
        users = [int(rng.integers(0, len(visited[one].studied.control))) for one in kind]
        types = [types_of[one][user] for one, user in zip(kind, users, strict=True)]
        contexts = rng.integers(0, MOMENTS, PUBLISHED_EVERY) * len(USER_TYPES) + types
        contexts += [len(CONTEXT_KEYS) * levels.index(visited[one].level) for one in kind]
        drawn = rule.choose(np.repeat(contexts, PLACES), np.arange(len(ARMS))).reshape(-1, PLACES)
        rates = np.array(
            [
                [visited[one].studied.alone[visited[one].lists[arm]][user] for arm in arms]
                for one, user, arms in zip(kind, users, drawn, strict=True)
            ]
        )
        clicked = (rng.random(rates.shape) < rates).astype(np.int64)
        seconds, places = SECONDS, np.repeat(contexts, PLACES)
        rule.learn(Outcomes(np.arange(drawn.size), places, drawn.ravel(), clicked.ravel(), seconds))
        theirs = [float(visited[one].studied.control[user]) for one, user in zip(kind, users, strict=True)]
        gains[:, 0, batch] = np.bincount(kind, clicked.sum(axis=1), len(visited))
        gains[:, 1, batch] = np.bincount(kind, PLACES * np.array(theirs), len(visited))
    fifths = gains.reshape(len(visited), 2, 5, -1).sum(axis=3)
    return np.concatenate([fifths, fifths.sum(axis=2, keepdims=True)], axis=2)


def paired_visits(visited: Visited, seed: int, visits: int) -> tuple[NDArray[np.int64], Floats]:
    """Who came, and what the paired read-out of a demo has of each visit: (visits,) and (visits, 4).

    Half of the users teach the rule. Each visit of all users has both lists, the treatment's as it is published then;
    their reactions are independent, where a demo's are alike for a movie of both.
    """
    rng = np.random.default_rng([seed, 7])
    rates = np.array([visited.studied.alone[one] for one in visited.lists])
    control, types = visited.studied.control, np.array(visited.types)
    teaches = rng.random(len(control)) < 0.5
    rule = Served(CONTEXT_KEYS, rng, Settings(), PUBLISHED_EVERY * PLACES // 2)
    came, found = rng.integers(0, len(control), visits), list[Floats]()
    for users in came.reshape(-1, PUBLISHED_EVERY):
        contexts = np.repeat(rng.integers(0, MOMENTS, PUBLISHED_EVERY) * len(USER_TYPES) + types[users], PLACES)
        drawn = rule.choose(contexts, np.arange(len(ARMS)))
        clicked = (rng.random(len(drawn)) < rates[drawn, np.repeat(users, PLACES)]).astype(np.int64)
        told = np.repeat(teaches[users], PLACES)
        rule.learn(Outcomes(np.arange(told.sum()), contexts[told], drawn[told], clicked[told], SECONDS))
        theirs, listed = rng.binomial(PLACES, control[users]), np.full(len(users), PLACES)
        found.append(np.column_stack([clicked.reshape(-1, PLACES).sum(axis=1), listed, theirs, listed]).astype(float))
    return came, np.concatenate(found)
