"""Reads a log of impressions into arrays: from Parquet files, the archive's bucket, or the database through an export.

DuckDB reads local files only, in bounded memory. What is read is the archive's format (docs/archive.md).
"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import numpy as np
from bandit_selector.evidence.logged import Log, Names
from bandit_selector.evidence.ratio import Ratio, clustered
from bandit_selector.store.connection import Connection

from functions.archive.bucket import folder_of
from functions.archive.parquet import connect
from infra.local.archive import open_bucket
from infra.local.errors import LocalError
from infra.local.export import export

READ: Final = {
    *("user_id", "algorithm", "context_key", "arm", "propensity", "outcome"),
    *("ab_group", "created_at", "event_id", "counts"),
}
"""The columns that a log needs; others may be missing."""
DRAWN: Final = """
    starts_with(algorithm, 'bandit_') AND propensity > 0 AND context_key IS NOT NULL
    AND outcome IN ('success', 'failure') AND counts
"""


@dataclass(frozen=True, slots=True)
class Logged:
    """What the bandit drew, the control group's successes per impression, and the days read."""

    log: Log
    control: Ratio
    first: date
    last: date


class NothingLogged(LocalError):
    """No impression that the bandit drew and that has an outcome was found."""


@contextmanager
def exported(connection: Connection, days: Sequence[date]) -> Generator[list[Path]]:
    """The database's impressions of some UTC days as files, which are removed afterwards."""
    with TemporaryDirectory(prefix="log-") as folder:
        export(connection, days, Path(folder))
        yield sorted(Path(folder).glob("*/*.parquet"))


@contextmanager
def fetched(days: Iterable[date]) -> Generator[list[Path]]:
    """The archive's files of some UTC days, copied from the bucket and removed afterwards. Raises NoBucket."""
    bucket = open_bucket()
    with TemporaryDirectory(prefix="log-") as folder:
        files: list[Path] = []
        for day in days:
            for key in bucket.keys(folder_of(day)):
                files.append(Path(folder) / key.replace("/", "-"))
                bucket.get(key, files[-1])
        yield files


def parquet_of(source: Path) -> list[Path]:
    """A file, or all Parquet files below a folder. Raises NothingLogged without any."""
    files = sorted(source.rglob("*.parquet")) if source.is_dir() else [source] if source.is_file() else []
    if not files:
        raise NothingLogged(f"{source} is not a Parquet file, and not a folder with one; `./dev export` writes them.")
    return files


def not_empty(files: Sequence[Path]) -> Sequence[Path]:
    """The same files. Raises NothingLogged without any."""
    if not files:
        raise NothingLogged("Those days have no impressions.")
    return files


def read(files: Sequence[Path]) -> Logged:
    """The impressions of these files. Raises NothingLogged, or LocalError where a column is missing."""
    with TemporaryDirectory(prefix="log-") as spill, closing(connect(Path(spill), not_empty(files))) as duck:
        known = duck.read_parquet([str(file) for file in files], union_by_name=True)
        if lacking := READ - set(known.columns):
            raise LocalError(f"{files[0]} lacks {', '.join(sorted(lacking))}; export it with `./dev export`.")
        known.create_view("impressions")
        first, last = _span(duck)
        return Logged(_drawn(duck), _control(duck), first, last)


def _span(duck: duckdb.DuckDBPyConnection) -> tuple[date, date]:
    found = duck.execute(f"SELECT min(created_at)::date, max(created_at)::date FROM impressions WHERE {DRAWN}")  # noqa: S608
    first, last = found.fetchall()[0]
    if first is None:
        raise NothingLogged(
            "No impression there was drawn by the bandit and has an outcome; "
            "outcomes come after SILENCE_COUNTS_AFTER, so try again later or read more days."
        )
    return first, last


def _drawn(duck: duckdb.DuckDBPyConnection) -> Log:
    contexts, arms = _codes(duck, "context_key"), _codes(duck, "arm")
    found: dict[str, Any] = duck.execute(  # pyright: ignore[reportUnknownVariableType] # DuckDB types it loosely
        f"""
        SELECT user_id, c.code::SMALLINT AS context, a.code::SMALLINT AS arm, propensity,
            (outcome = 'success')::TINYINT AS reward, epoch(created_at) AS seconds
        FROM impressions
        JOIN codes_of_context_key AS c ON c.name = context_key JOIN codes_of_arm AS a ON a.name = arm
        WHERE {DRAWN} ORDER BY created_at, event_id
        """  # noqa: S608
    ).fetchnumpy()
    _, visitor = np.unique(found["user_id"], return_inverse=True)
    return Log(
        Names(contexts, arms),
        visitor.astype(np.int32),
        found["context"],
        found["arm"],
        found["propensity"],
        found["reward"],
        found["seconds"],
    )


def _codes(duck: duckdb.DuckDBPyConnection, column: str) -> tuple[str, ...]:
    """Numbers the values of a column, in a table `codes_of_…`; returns them in the order of their numbers."""
    duck.execute(
        f"""
        CREATE TEMP TABLE codes_of_{column} AS
        SELECT {column} AS name, row_number() OVER (ORDER BY {column}) - 1 AS code
        FROM (SELECT DISTINCT {column} FROM impressions WHERE {DRAWN})
        """  # noqa: S608
    )
    return tuple(name for (name,) in duck.execute(f"SELECT name FROM codes_of_{column} ORDER BY code").fetchall())  # noqa: S608


def _control(duck: duckdb.DuckDBPyConnection) -> Ratio:
    return clustered(
        duck.execute(
            """
            SELECT count(*) FILTER (WHERE outcome = 'success'), count(*) FROM impressions
            WHERE ab_group = 'control' AND outcome IN ('success', 'failure') AND counts GROUP BY user_id
            """
        ).fetchall()
    )
