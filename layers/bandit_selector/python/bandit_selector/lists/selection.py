"""Which arm fills each place of a list that the site fills by itself. Knows no I/O; randomness is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from bandit_selector.learning.guard import draw, remaining
from bandit_selector.lists.shadow import Agreements, Shadow
from bandit_selector.lists.slate import as_recorded


@dataclass(frozen=True, slots=True)
class Choice:
    """The arm of a place, and exactly the probability that it was drawn with."""

    arm: str
    propensity: float


def draw_arms(chances: Mapping[str, float], places: int, randomness: Random) -> list[Choice]:
    """Draws each place's arm independently, by chances that are scaled to sum 1; all 0 means even chances."""
    arms, scaled = list(chances), remaining(list(chances.values()))
    drawn = [draw(scaled, randomness.random()) for _ in range(places)]
    return [Choice(arms[index], as_recorded(scaled[index])) for index in drawn]


def of_arms(
    arms: Sequence[str], drawn: Sequence[Choice], shown: Sequence[Choice], version: int | None, milliseconds: float
) -> Shadow:
    """The shadow of a selection. Each shown place teaches the arm that control drew there, at random by its weights."""
    pairs = tuple((place, arms.index(choice.arm) + 1) for place, choice in enumerate(shown, start=1))
    same = sum(one.arm == other.arm for one, other in zip(drawn, shown, strict=True))
    return Shadow(
        arms=tuple(arms),
        drawn=bytes(arms.index(choice.arm) + 1 for choice in drawn),
        movie_ids=None,
        propensities=tuple(choice.propensity for choice in drawn),
        version=version,
        agreements=Agreements((len(shown),) * len(arms), pairs),
        places=len(shown),
        same=same,
        common=same,
        milliseconds=milliseconds,
    )
