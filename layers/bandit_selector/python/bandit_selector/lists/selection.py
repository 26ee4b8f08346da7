"""Which arm fills each place of a list that the site fills by itself. Knows no I/O; randomness is an argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from bandit_selector.learning.guard import draw, remaining
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
