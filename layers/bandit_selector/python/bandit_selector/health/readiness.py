"""Does the data of a shadow support going live? Reads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, sqrt
from typing import Final

from bandit_selector.evidence.ratio import Ratio
from bandit_selector.health.goals import Goal, reached

STAGE: Final = "Going live"
MOST_UNDRAWN: Final = 0.01
SLOWEST_MS: Final = 50.0
"""95 % of the draws should take less: `select` has a second for its whole work."""
STOCKED: Final = 0.95
"""At so many of the places an arm should have a movie."""
OUTCOMES: Final = 100
"""An arm with as many outcomes as this has a past to start from."""
PRECISE: Final = 0.10
"""Control's rate should be known to this, relative, so that a plan can be made by it."""


@dataclass(frozen=True, slots=True)
class ShadowDays:
    """What the shadows of some days say together. `lists` are those that should have one, `undrawn` those that have
    none; the rest is of a sample. Times in ms: the median, and the slowest day's 95th percentile."""

    first: date | None
    last: date | None
    lists: int
    undrawn: int
    places: int
    same: int
    common: int
    median_ms: float | None
    slow_ms: float | None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1 if self.first and self.last else 0


@dataclass(frozen=True, slots=True)
class ShadowArm:
    """Of one arm over all contexts: places of the shown lists, those for which it had a movie, places that it was drawn
    for, places at which it would have put the movie that was shown, and their outcomes."""

    arm: str
    places: int
    stocked: int
    drawn: int
    agreed: int
    successes: int
    failures: int


def readiness(days: ShadowDays, arms: Sequence[ShadowArm], control: Ratio, min_lists: int) -> list[Goal]:
    """What must hold before the bandit goes live, in order; all met means that the data supports it."""
    return [
        _lists(days, min_lists),
        _undrawn(days),
        _latency(days),
        _stocked(arms),
        _history(arms),
        _control(days, control),
    ]


def _lists(days: ShadowDays, least: int) -> Goal:
    name = f"At least {least:,} lists have a shadow"
    figure = f"{days.lists:,} lists in {days.days} days"
    if days.lists >= least:
        return Goal(STAGE, name, "met", figure)
    more = ceil((least - days.lists) / days.lists * days.days) if days.lists else 0
    return Goal(STAGE, name, "not yet", f"{figure}; {more} more days at this pace" if more else figure)


def _undrawn(days: ShadowDays) -> Goal:
    name = f"Drawing fails for at most {MOST_UNDRAWN:.0%} of the lists"
    if not days.lists:
        return Goal(STAGE, name, "cannot be known", "no list has a shadow yet")
    share = days.undrawn / days.lists
    return Goal(STAGE, name, reached(share <= MOST_UNDRAWN), f"{days.undrawn:,} lists, {share:.1%}")


def _latency(days: ShadowDays) -> Goal:
    name = f"Drawing takes less than {SLOWEST_MS:.0f} ms for 95 % of the lists"
    if days.slow_ms is None or days.median_ms is None:
        return Goal(STAGE, name, "cannot be known", "no list has a shadow yet")
    figure = f"{days.median_ms:.1f} ms for half of them, {days.slow_ms:.1f} ms for 95 % on the slowest day"
    return Goal(STAGE, name, reached(days.slow_ms < SLOWEST_MS), figure)


def _stocked(arms: Sequence[ShadowArm]) -> Goal:
    name = f"Every algorithm has a movie for {STOCKED:.0%} of the places"
    if not arms:
        return Goal(STAGE, name, "cannot be known", "no list has a shadow yet")
    lacking = [one for one in arms if one.stocked < STOCKED * one.places]
    figure = ", ".join(f"{one.arm} for {one.stocked / max(one.places, 1):.0%}" for one in lacking) or "all have"
    return Goal(STAGE, name, reached(not lacking), figure)


def _history(arms: Sequence[ShadowArm]) -> Goal:
    """An arm that never agrees with control gets no history, so two that do are enough to start from something."""
    name = f"Two algorithms have {OUTCOMES} outcomes of movies that control showed, too"
    known = [one for one in arms if one.successes + one.failures >= OUTCOMES]
    figure = ", ".join(f"{one.arm} {one.successes + one.failures:,}" for one in arms) or "none"
    return Goal(STAGE, name, reached(len(known) >= 2), figure)


def _control(days: ShadowDays, control: Ratio) -> Goal:
    name = f"Control's success rate is known to ±{PRECISE:.0%}, so that ./dev plan can count on it"
    if not control.known or not control.value:
        return Goal(STAGE, name, "cannot be known", "too few visitors have clicked")
    half = 1.96 * sqrt(control.variance) / control.value
    figure = f"{control.value:.2%} clicked, ±{half:.0%} of that"
    if half <= PRECISE:
        return Goal(STAGE, name, "met", figure)
    more = max(1, ceil(days.days * ((half / PRECISE) ** 2 - 1)))
    return Goal(STAGE, name, "not yet", f"{figure}; {more} more days at this pace")
