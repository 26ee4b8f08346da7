"""The algorithm names that impressions are recorded under, and the arms behind them. Knows no storage.

An arm is one of the site's algorithms, `svd`. The bandit records it as `bandit_svd`; the control list, and the control
list served in place of a failed bandit, while the bandit is off or only a shadow, have names of their own.
"""

from typing import Final

DRAWN: Final = "bandit_"
CONTROL: Final = "hybrid_control"
FALLBACK: Final = "hybrid_fallback"
OFF: Final = "hybrid_off"
SHADOW: Final = "hybrid_shadow"
FAILED: Final = "bandit_hybrid_fallback"
"""What an existing application logs when its own bandit failed: of no arm, although it begins like one."""


def algorithm_of(arm: str) -> str:
    """The name that the bandit records an arm's impressions under."""
    return f"{DRAWN}{arm}"


def arm_of(algorithm: str) -> str | None:
    """The arm that the bandit drew, or None where it drew nothing."""
    drawn = algorithm.startswith(DRAWN) and algorithm != FAILED
    return algorithm.removeprefix(DRAWN) if drawn else None
