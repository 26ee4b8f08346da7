"""What was known of visitors when they came, as covariates of the test: they take chance out of it. Knows no storage.

No treatment can have changed it, so its difference between the groups is chance. Which covariates are used is decided
once, on the test's first days: those that save most visitors, or none where they save too few.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from bandit_selector.evidence.lift import Array, contrast

Covariate: TypeAlias = Literal["earlier", "daypart"]
PAYS_FROM: Final = 0.05
"""Covariates are used if they save this share of the visitors; less is within the noise of the estimate."""
ENOUGH_TO_FIT: Final = 40.0
"""With fewer effective clusters in a group, slopes are not known well enough."""


@dataclass(frozen=True, slots=True)
class Background:
    """One cluster's visitors of one phase and group, when each came: `shown` and `clicked` before the test.

    `morning`, `afternoon` and `evening` count the visitors whose first list was shown at that time of day.
    """

    visitors: int = 0
    shown: float = 0.0
    clicked: float = 0.0
    morning: int = 0
    afternoon: int = 0
    evening: int = 0


NOTHING_KNOWN: Final = Background()


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The covariates in use, and the share of the visitors that they saved when this was decided."""

    covariates: tuple[Covariate, ...] = ()
    saved: float = 0.0


RATIOS: Final[Mapping[Covariate, Sequence[Callable[[Background], tuple[float, float]]]]] = {
    "earlier": (lambda one: (one.clicked, one.shown),),
    "daypart": (
        lambda one: (one.morning, one.visitors),
        lambda one: (one.afternoon, one.visitors),
        lambda one: (one.evening, one.visitors),
    ),
}
"""Each covariate as ratios that must be equal in both groups but for chance."""
WAYS: Final[tuple[tuple[Covariate, ...], ...]] = (("earlier",), ("daypart",), ("earlier", "daypart"))


def covariates(backgrounds: Array, names: Iterable[Covariate]) -> Array | None:
    """As `contrast` takes them, from backgrounds[..., ratio, phase, group, cluster, (x, n)] of all of RATIOS."""
    chosen = [place for place, name in enumerate(_NAMES) if name in set(names)]
    return backgrounds[..., chosen, :, :, :, :] if chosen else None


def ratios(background: Background) -> list[tuple[float, float]]:
    """(x, n) of every ratio of RATIOS, in order."""
    return [ratio(background) for parts in RATIOS.values() for ratio in parts]


def saved(sums: Array, backgrounds: Array, names: Iterable[Covariate]) -> Array:
    """The share of visitors that covariates save: with 1 − saved of them, the test would know as much without."""
    plain, sharper = contrast(sums), contrast(sums, covariates(backgrounds, names))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(1 - (sharper.error / plain.error) ** 2)


def adjustment(sums: Array, backgrounds: Array) -> Adjustment:
    """The covariates that save most, if that is enough."""
    if float(contrast(sums).clusters) < ENOUGH_TO_FIT:
        return Adjustment()
    best = max((Adjustment(way, float(saved(sums, backgrounds, way))) for way in WAYS), key=lambda one: one.saved)
    return best if best.saved >= PAYS_FROM else Adjustment()


_NAMES: Final = tuple(name for name, parts in RATIOS.items() for _ in parts)
RATIOS_IN_ALL: Final = len(_NAMES)
