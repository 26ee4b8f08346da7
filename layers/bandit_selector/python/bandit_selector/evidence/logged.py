"""A log of impressions with exact propensities, as arrays. Must not know where it was read from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Whole = NDArray[np.integer]
Bits = NDArray[np.int8]

BLOCKS: Final = 40
"""A policy that learns does so between this many equal parts of a log."""
FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers in a log stand for."""

    contexts: tuple[str, ...]
    arms: tuple[str, ...]


@dataclass(frozen=True)
class Log:
    """Impressions that the bandit drew, oldest first; every array has one element an impression.

    `visitor` is 0 … visitors − 1; `context` and `arm` are positions in `names`; `propensity` is the probability that
    the arm was drawn with, > 0; `reward` is 1 for a success, else 0; `seconds` counts from any moment.
    Raises ValueError, which names the field.
    """

    names: Names
    visitor: Whole
    context: Whole
    arm: Whole
    propensity: Reals
    reward: Bits
    seconds: Reals

    def __post_init__(self) -> None:
        sizes = {len(a) for a in (self.visitor, self.context, self.arm, self.propensity, self.reward, self.seconds)}
        if len(sizes) != 1 or sizes == {0}:
            raise ValueError(f"a log needs at least one impression and arrays of one length; got lengths {sizes}.")
        if not (self.propensity.min() > 0 and self.propensity.max() <= 1):
            raise ValueError("propensity must be above 0 and at most 1.")

    def __len__(self) -> int:
        return len(self.visitor)

    @cached_property
    def visitors(self) -> int:
        return int(self.visitor.max()) + 1

    @cached_property
    def block(self) -> Whole:
        """Which of BLOCKS equal parts, in time, an impression belongs to."""
        return np.arange(len(self)) * BLOCKS // len(self)

    @cached_property
    def cell(self) -> Whole:
        """The position of (block, context, arm) in a table of that shape, raveled."""
        return self.place * len(self.names.arms) + self.arm

    @cached_property
    def place(self) -> Whole:
        """The position of (block, context) in a table of that shape, raveled."""
        return self.block * len(self.names.contexts) + self.context

    @cached_property
    def fold(self) -> Whole:
        """A visitor's fold of FOLDS, the same for all of the visitor's impressions."""
        return self.visitor.astype(np.int64) % FOLDS

    def per_visitor(self, values: Reals | Bits | None = None) -> Reals:
        """Sums by visitor; without values, the visitor's impressions. Shape (visitors)."""
        return _counted(self.visitor, self.visitors, values)

    def outcomes(self) -> tuple[Reals, Reals]:
        """Successes and impressions by (block, context, arm)."""
        return self._tabled(self.cell, BLOCKS)

    def outcomes_by_fold(self) -> tuple[Reals, Reals]:
        """Successes and impressions by (fold, context, arm)."""
        contexts, arms = len(self.names.contexts), len(self.names.arms)
        return self._tabled((self.fold * contexts + self.context) * arms + self.arm, FOLDS)

    def _tabled(self, cells: Whole, rows: int) -> tuple[Reals, Reals]:
        shape = (rows, len(self.names.contexts), len(self.names.arms))
        size = int(np.prod(shape))
        return _counted(cells, size, self.reward).reshape(shape), _counted(cells, size).reshape(shape)


def _counted(numbers: Whole, size: int, weights: Reals | Bits | None = None) -> Reals:
    if weights is None:
        return np.bincount(numbers, minlength=size).astype(np.float64)
    return np.bincount(numbers, weights.astype(np.float64), size)
