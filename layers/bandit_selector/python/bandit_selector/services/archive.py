"""Archives the days that can no longer change, then drops them. Knows the order of things; no bucket and no Parquet."""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from bandit_selector.errors import ArchiveFailed, DatabaseUnavailable
from bandit_selector.settings import Settings
from bandit_selector.store import archives
from bandit_selector.store.archives import Figures, File, Number
from bandit_selector.store.connection import Connection, unit
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import settle
from bandit_selector.store.retention import forget_user, make_partitions, prune

BATCH: Final = 5_000
SAME: Final = 1e-9
"""Sums of scores are added in another order; two that differ by less than this share are the same."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where archived days are kept. Each raises ArchiveFailed when it could not do all of it.

    `put` keeps a day's lines of CSV and returns its files, in place of any it had; `read` reads files back and adds
    them up; `days` are all days that have files; `forget` rewrites a day's files without a visitor, and returns how
    many impressions went and which files the day has now.
    """

    put: Callable[[date, Iterable[bytes]], list[File]]
    read: Callable[[Sequence[File]], Figures]
    days: Callable[[], list[date]]
    forget: Callable[[date, int], tuple[int, list[File]]]


@dataclass(slots=True)
class Night:
    """What one run did, and the sentences about what it could not do."""

    partitions: int = 0
    days: list[date] = field(default_factory=list[date])
    impressions: int = 0
    dropped: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])


def run(
    connection: Connection,
    now: datetime,
    settings: Settings,
    shelf: Shelf,
    pause: Callable[[float], None],
    time_is_left: Callable[[], bool],
) -> Night:
    """Makes partitions ahead, archives every day that is due, drops what is old enough and archived.

    A step that fails does not keep the others from their work: a day without an archive is only never dropped. Each
    step is a transaction of its own, also through a pooler: no lock lasts for the night (`Database.run_in_steps`).
    """
    night = Night()
    with _noted(night):
        night.partitions = make_partitions(connection, now, pause)
    with unit(connection):
        due = archives.unarchived_days(connection, archives.due_before(now, settings))
    for day in due:
        if not time_is_left():
            night.failures.append(f"The time was over before {day} was archived; the next run goes on with it.")
            break
        with _noted(night):
            night.impressions += archive_day(connection, day, Rule.of(settings), now, shelf)
            night.days.append(day)
    with _noted(night):
        _drop(connection, now - settings.keep_events, pause, night)
    return night


def safe_before(connection: Connection, before: datetime) -> datetime:
    """The newest start of a UTC day up to which everything may be dropped: older than `before`, and archived."""
    start, _ = archives.bounds(before.astimezone(UTC).date())
    day = archives.unsafe_day(connection, start)
    return archives.bounds(day)[0] if day else start


def _drop(connection: Connection, before: datetime, pause: Callable[[float], None], night: Night) -> None:
    """Drops what is old enough; a day that the archive lacks is kept with everything after it, and is a failure."""
    with unit(connection):
        safe = safe_before(connection, before)
    night.dropped += prune(connection, safe, pause)
    if safe.date() < before.astimezone(UTC).date():
        night.failures.append(
            f"The tables hold more impressions of {safe:%Y-%m-%d} than its archive, so nothing from then on is dropped."
        )


def archive_day(connection: Connection, day: date, rule: Rule, now: datetime, shelf: Shelf) -> int:
    """Archives one UTC day, reads it back, and notes it as archived; returns its impressions.

    Whatever stops it half-way leaves the day without its note: the next run replaces the files. Raises ArchiveFailed.
    """
    _settle_all(connection, archives.bounds(day)[1], rule, now)
    with unit(connection), connection.transaction():
        archives.lock(connection)
        if archives.is_archived(connection, day):
            return 0
        with closing(archives.rows(connection, day)) as lines:  # a COPY that is not read to its end must be ended
            files = shelf.put(day, lines)
        wrong = difference(archives.figures(connection, day), shelf.read(files))
        if wrong:
            raise ArchiveFailed(f"The archive of {day} differs from the tables and is not used: {wrong}.")
        archives.record(connection, day, files, now)
    return sum(file.rows for file in files)


def difference(tables: Figures, archive: Figures) -> str | None:
    """The first group whose counts and sums differ, in words; None when all agree."""
    nothing: tuple[Number, ...] = ()
    for key in [*tables, *(key for key in archive if key not in tables)]:
        due, found = tables.get(key, nothing), archive.get(key, nothing)
        if len(due) != len(found) or not all(map(_same, due, found)):
            return (
                f"{' × '.join(str(part) for part in key)} is {_shown(due)} in the tables, {_shown(found)} in the files"
            )
    return None


def forget(connection: Connection, user_id: int, shelf: Shelf, now: datetime) -> Iterator[int]:
    """Erases a visitor from the tables, then from each archived day; yields how many impressions went each time.

    The tables come first: a day that is archived in between is either compared with them again or visited here.
    """
    yield forget_user(connection, user_id, now)
    for day in shelf.days():
        with unit(connection), connection.transaction():
            archives.lock(connection)
            gone, files = shelf.forget(day, user_id)
            if archives.is_archived(connection, day):
                archives.record(connection, day, files, now)
        yield gone


def _settle_all(connection: Connection, before: datetime, rule: Rule, now: datetime) -> None:
    """Settles what was shown before a moment and is not settled; raises ArchiveFailed if another process is at it."""
    settled = left = 1
    while settled:
        with unit(connection):
            settled = settle(connection, before, rule, now, BATCH)
            left = archives.unsettled(connection, before)
    if left:
        raise ArchiveFailed(f"{left} lists from before {before:%Y-%m-%d} are not settled: another process settles now.")


@contextmanager
def _noted(night: Night) -> Generator[None]:
    """Notes a failure of its block as a sentence of the night."""
    try:
        yield
    except (ArchiveFailed, DatabaseUnavailable) as error:
        night.failures.append(str(error))


def _same(due: Number, found: Number) -> bool:
    return due == found or (isinstance(due, float) and math.isclose(due, found, rel_tol=SAME, abs_tol=SAME))


def _shown(figures: Sequence[Number]) -> str:
    return f"({', '.join(f'{number:g}' for number in figures)})" if figures else "absent"
