"""Do the clicks of both groups arrive? Must not know what the groups are shown."""

from typing import Final

from bandit_selector.evidence.ratio import Ratio

MISSING_CLICKS: Final = 20.0
"""One group's tracking is broken if this many clicks were expected, correlation allowed for, and not a tenth came."""


def tracking_is_broken(silent: Ratio, other: Ratio) -> bool:
    """Whether a group's clicks are missing: hardly any, where the other group's rate lets expect many.

    Expected clicks are divided by the other group's design effect, the variance over a binomial one (Kish 1965, 8.2).
    """
    rate = other.value
    if not rate or not silent.known or not other.known or rate >= 1:
        return False
    expected = rate * silent.denominator
    effect = max(1.0, other.variance * other.denominator / (rate * (1 - rate)))
    return 10 * silent.numerator < expected and expected / effect >= MISSING_CLICKS
