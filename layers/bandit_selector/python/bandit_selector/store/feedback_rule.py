"""What feedback means, as the statements that fold it need to know; and how ids travel. Knows settings, no table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bandit_selector.settings import Settings

SINCE: Final = datetime(2025, 1, 1, tzinfo=UTC)
LATEST: Final = 1 << 33  # seconds; a list named by a client may have any number


@dataclass(frozen=True, slots=True)
class Rule:
    """What feedback means: ratings from `success` up and `failure` down, within `window`.

    New cells start from Beta(prior_alpha, prior_beta). What silence means is recorded with each list; `silence_counts`
    is for impressions from before lists.
    """

    success: float
    failure: float
    silence_counts: bool
    window: timedelta
    prior_alpha: float
    prior_beta: float

    @classmethod
    def of(cls, settings: Settings) -> "Rule":
        return cls(
            success=settings.success_rating,
            failure=settings.failure_rating,
            silence_counts=settings.silence_counts_after is not None,
            window=settings.attribution_window,
            prior_alpha=settings.prior_alpha,
            prior_beta=settings.prior_beta,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """By how much one cell's counts moved."""

    context_key: str
    arm: str
    successes: int
    failures: int

    @property
    def cell(self) -> str:
        return f"{self.context_key}|{self.arm}"


def ids(listed: Sequence[int]) -> str:
    """PostgreSQL's text of a bigint[]; psycopg's own way from a list takes a tenth of a batch's time."""
    return f"{{{','.join(map(str, listed))}}}"


def numbers(listed: Sequence[float | None]) -> str:
    """The same of any numbers, or of truth values, and of what is missing."""
    return f"{{{','.join(['NULL' if number is None else str(number) for number in listed])}}}"


def second(list_id: int) -> datetime:
    """The second in which a list was shown, as the SQL function bandit_second makes it; at most in the year 2297."""
    return SINCE + timedelta(seconds=min(max(list_id >> 16, 0), LATEST))


def span(lists: Iterable[int]) -> dict[str, datetime]:
    """The seconds `since` and before `until` that contain these lists, at least one; see `spanning`."""
    known = list(lists)
    return spanning(second(min(known)), second(max(known)))


def spanning(first: datetime, last: datetime) -> dict[str, datetime]:
    """The parameters `since` and `until` of a span of lists, and `logged_since` of the messages about them.

    As constants of a statement they leave all other partitions out of its plan, which a join by id does not.
    """
    return {"since": first, "until": last + timedelta(seconds=1), "logged_since": first - timedelta(days=1)}
