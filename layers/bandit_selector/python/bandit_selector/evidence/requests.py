"""How requests of one group went, as the brake compares them. Knows no storage; the imports are few, for `select`."""

from dataclasses import dataclass
from typing import Final

PARTS: Final = 63
"""Visitors are parted by id, so that one visitor's requests are known to be one's; a bit of a bigint for each part."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of one group: how many, failed and slow ones among them, and the parts of visitors that had these.

    Bit n of `failed_of` and `slow_of` stands for the visitors whose id is n modulo PARTS.
    """

    number: int = 0
    failed: int = 0
    slow: int = 0
    failed_of: int = 0
    slow_of: int = 0

    def __add__(self, other: "Requests") -> "Requests":
        return Requests(
            self.number + other.number,
            self.failed + other.failed,
            self.slow + other.slow,
            self.failed_of | other.failed_of,
            self.slow_of | other.slow_of,
        )


NONE: Final = Requests()
