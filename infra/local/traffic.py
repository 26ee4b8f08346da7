"""A site's traffic for a plan: from Parquet of our own, from a CSV of any site, or from a few numbers.

A CSV has a header and one row for each movie shown: `user_id`, `created_at` (ISO 8601, UTC without a zone), `clicked`
(true or false); optionally `context_key`. Further columns are ignored, so all of `recommendation_events` will do.
"""

import math
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
from bandit_selector.evidence.planning import Traffic
from bandit_selector.evidence.ratio import clustered
from bandit_selector.lists.context import CONTEXT_KEYS, time_period

from functions.archive.parquet import connect
from infra.local.errors import LocalError
from infra.local.sheets import numbers

NEEDED: Final = {"user_id", "created_at"}
ASSUMED_DESIGN_EFFECT: Final = 3.0
"""Where no log tells: MovieLens visitors with 30 places a visit have 2 to 4."""
EVEN_HOURS: Final = {"morning": 7 / 24, "afternoon": 5 / 24, "evening": 5 / 24, "night": 7 / 24}
WEEKEND: Final = 2 / 7


def assumed(
    lists_per_day: float,
    visitors_per_day: float,
    ctr: float,
    places: int,
    design_effect: float | None,
    mix: Mapping[str, float] | None = None,
) -> Traffic:
    """Traffic by numbers; without a mix, contexts share it by the hours they have, and user types equally.

    Raises LocalError.
    """
    shares = mix or _even_mix()
    effect = design_effect or ASSUMED_DESIGN_EFFECT
    return _traffic(lists_per_day * places, visitors_per_day, ctr, effect, tuple(shares), list(shares.values()))


def _even_mix() -> dict[str, float]:
    parts = {key: key.split("|") for key in CONTEXT_KEYS}
    return {
        key: EVEN_HOURS[period] * (WEEKEND if day == "weekend" else 1 - WEEKEND) / 3
        for key, (period, day, _) in parts.items()
    }


def mix_of(path: Path) -> dict[str, float]:
    """Each context's share of the places, from a CSV file with the columns context_key and share, in any unit.

    Raises LocalError.
    """
    given = {key: share for (key,), share in numbers(path, "context_key", "share").items()}
    total = sum(given.values())
    if not 0 < total < math.inf or min(given.values()) < 0:
        raise LocalError(f"{path} has shares that are not positive numbers; give each context's share of the places.")
    return {key: share / total for key, share in given.items()}


def measured(files: Sequence[Path]) -> Traffic:
    """The traffic of a log; its design effect is the log's own. Raises LocalError, which names what is missing."""
    with (
        _sentences(files[0]),
        TemporaryDirectory(prefix="log-") as spill,
        closing(connect(Path(spill), files)) as duck,
    ):
        known = _opened(duck, files)
        if lacking := NEEDED - set(known.columns):
            raise LocalError(
                f"{files[0]} lacks {', '.join(sorted(lacking))}; a log needs user_id, created_at, clicked."
            )
        known.create_view("shown")
        clicked = _clicked(set(known.columns), files[0])
        days, visitors_a_day = duck.execute(
            """
            SELECT count(*), avg(visitors) FROM (
                SELECT count(DISTINCT user_id) AS visitors FROM shown GROUP BY created_at::TIMESTAMPTZ::DATE
            ) AS day
            """
        ).fetchall()[0]
        by_visitor = duck.execute(
            f"SELECT count(*) FILTER (WHERE {clicked}), count(*) FROM shown GROUP BY user_id"  # noqa: S608
        ).fetchall()
        contexts, mix = _mix(duck, "context_key" in known.columns)
    if not days:
        raise LocalError(f"{files[0]} has no rows; a plan needs at least one day of impressions.")
    rate = clustered(by_visitor)
    value = rate.value or 0.0
    binomial = value * (1 - value) / rate.denominator
    effect = max(1.0, rate.variance / binomial) if binomial else ASSUMED_DESIGN_EFFECT
    return _traffic(rate.denominator / days, visitors_a_day, value, effect, contexts, mix)


def _opened(duck: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> duckdb.DuckDBPyRelation:
    names = [str(file) for file in files]
    return duck.read_csv(names) if files[0].suffix == ".csv" else duck.read_parquet(names, union_by_name=True)


@contextmanager
def _sentences(file: Path) -> Generator[None]:
    """Of a log that is no table, or has a word where a moment, or true or false, belongs."""
    try:
        yield
    except duckdb.Error as error:
        raise LocalError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None


def _clicked(columns: set[str], file: Path) -> str:
    """SQL of a row's success: its outcome, else its click; rows of the site itself in the view have no outcome."""
    if {"outcome", "clicked"} <= columns:
        known = "outcome::VARCHAR IN ('success', 'failure', 'neutral')"
        return f"CASE WHEN {known} THEN outcome::VARCHAR = 'success' ELSE clicked::BOOLEAN END"
    if "outcome" in columns:
        return "outcome = 'success'"
    if "clicked" in columns:
        return "clicked::BOOLEAN"
    raise LocalError(f"{file} lacks clicked (or outcome); without clicks there is nothing to plan.")


def _mix(duck: duckdb.DuckDBPyConnection, keyed: bool) -> tuple[tuple[str, ...], list[float]]:
    """Contexts and their shares; without keys, by hour and day in UTC, with the user types equally often."""
    if keyed:
        return _shares(
            duck.execute(
                "SELECT context_key, count(*) FROM shown WHERE context_key IS NOT NULL GROUP BY 1 ORDER BY 1"
            ).fetchall()
        )
    rows = duck.execute(
        """
        SELECT extract(hour FROM created_at::TIMESTAMPTZ), isodow(created_at::TIMESTAMPTZ) > 5, count(*)
        FROM shown GROUP BY 1, 2
        """
    ).fetchall()
    added: dict[str, float] = defaultdict(float)
    for hour, weekend, count in rows:
        for kind in ("cold_start", "regular", "power_user"):
            added[f"{time_period(hour)}|{'weekend' if weekend else 'weekday'}|{kind}"] += count / 3
    return _shares(added.items())


def _shares(counted: Iterable[tuple[str, float]]) -> tuple[tuple[str, ...], list[float]]:
    known = dict(counted)
    total = sum(known.values()) or 1
    return tuple(known), [count / total for count in known.values()]


def _traffic(
    places: float, visitors: float, ctr: float, effect: float, contexts: tuple[str, ...], mix: Sequence[float]
) -> Traffic:
    try:
        return Traffic(places, visitors, ctr, effect, contexts, tuple(mix))
    except ValueError as error:
        raise LocalError(f"This traffic cannot be planned with: {error}") from None
