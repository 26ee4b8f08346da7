"""Impressions of chosen days as Parquet on this machine, with a progress bar. Must not know arguments."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

from bandit_selector.store import archives
from bandit_selector.store.connection import Connection
from rich.console import Console
from rich.progress import Progress

from functions.archive.bucket import folder_of
from functions.archive.parquet import Desk, desk
from infra.local.archive import open_bucket

REFRESHED = 10_000  # rows between two steps of the bar


def export(connection: Connection, days: Sequence[date], target: Path) -> int:
    """Writes the days into one file `….parquet`, or into a folder as the archive has them; returns the impressions.

    A day that the tables no longer have in full comes from the archive's bucket. Raises NoBucket.
    """
    single = target.suffix == ".parquet"
    here = target.parent if single else target
    here.mkdir(parents=True, exist_ok=True)
    expected = {day: max(archives.shown(connection, day), archives.archived(connection, day)) for day in days}
    with desk(here) as one, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("exporting", total=sum(expected.values()))
        folder = one.folder / "days" if single else target
        files = [
            file
            for day in days
            for file in _day(connection, day, one, folder / f"date={day}", lambda rows: bar.advance(task, rows))
        ]
        if single and files:
            one.join(files, one.folder / "all.parquet").replace(target)
    return sum(expected.values())


def _day(connection: Connection, day: date, one: Desk, folder: Path, advance: Callable[[int], None]) -> Iterator[Path]:
    """Writes one day's files in place of those in its folder; yields each."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("part-*.parquet"):
        old.unlink()
    if archives.shown(connection, day) < archives.archived(connection, day):
        yield from _fetched(day, folder, advance, one)
        return
    with closing(archives.rows(connection, day)) as lines:
        for number, (file, _) in enumerate(one.write(_counted(lines, advance))):
            yield file.rename(folder / f"part-{number:04}.parquet")


def _fetched(day: date, folder: Path, advance: Callable[[int], None], one: Desk) -> Iterator[Path]:
    bucket = open_bucket()
    for key in bucket.keys(folder_of(day)):
        file = folder / key.rpartition("/")[2]
        bucket.get(key, file)
        advance(one.rows(file))
        yield file


def _counted(lines: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    number = 0
    for number, line in enumerate(lines, start=1):
        yield line
        if number % REFRESHED == 0:
            advance(REFRESHED)
    advance(number % REFRESHED)
