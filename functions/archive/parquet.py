"""Impressions as Parquet files on this machine's disk, by DuckDB in bounded memory. Knows no bucket and no database."""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
from bandit_selector.store.archives import COLUMNS, FIGURES, Figures, keyed

ROWS_PER_FILE: Final = 1_000_000
"""About 200 MB of CSV and 20 MB of Parquet: both fit into the 512 MB of a Lambda function's disk."""
MEMORY: Final = "1GB"
CHUNK: Final = 1 << 20


class Desk:
    """One DuckDB that reads and writes in `folder` alone: no network, no extension from elsewhere."""

    def __init__(self, folder: Path, rows_per_file: int = ROWS_PER_FILE) -> None:
        self.folder = folder
        self._rows_per_file = rows_per_file
        self._duck = connect(folder, [folder])

    def write(self, lines: Iterable[bytes]) -> Iterator[tuple[Path, int]]:
        """Lines of CSV as files of at most `rows_per_file` rows, each with its rows; the caller removes each."""
        rest, draft, target = iter(lines), self.folder / "rows.csv", self.folder / "rows.parquet"
        while rows := _copied(islice(rest, self._rows_per_file), draft):
            self._read_csv(draft).write_parquet(str(target), compression="zstd")
            draft.unlink()
            yield target, rows

    def figures(self, file: Path) -> Figures:
        """What the rows of a file add up to."""
        self._duck.read_parquet(str(file)).create_view("impressions", replace=True)
        return keyed(self._duck.execute(FIGURES).fetchall())

    def rows(self, file: Path) -> int:
        return len(self._duck.read_parquet(str(file)))

    def without(self, file: Path, user_id: int, target: Path) -> int:
        """Writes a file's rows but a visitor's to `target`; returns how many are left. Writes nothing if none is."""
        known = self._duck.read_parquet(str(file))
        others = known.filter(duckdb.ColumnExpression("user_id") != duckdb.ConstantExpression(user_id))
        left = len(others)
        if left:
            others.write_parquet(str(target), compression="zstd")
        return left

    def join(self, files: Iterable[Path], target: Path) -> Path:
        """Many files as one, `target`, which is returned."""
        self._duck.read_parquet([str(file) for file in files]).write_parquet(str(target), compression="zstd")
        return target

    def close(self) -> None:
        self._duck.close()

    def _read_csv(self, file: Path) -> duckdb.DuckDBPyRelation:
        return self._duck.read_csv(
            str(file),
            columns=COLUMNS,
            auto_detect=False,
            header=False,
            delimiter=",",
            quotechar='"',
            escapechar='"',
            na_values="",
            allow_quoted_nulls=False,
        )


def connect(spill: Path, allowed: Iterable[Path]) -> duckdb.DuckDBPyConnection:
    """A DuckDB that sees these files and folders alone, and spills into `spill`: no network, no extension."""
    duck = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": MEMORY,
            "temp_directory": str(spill / "spilled"),
        },
    )
    seen = list(allowed)
    folders, files = [f"{path}/" for path in seen if path.is_dir()], [str(path) for path in seen if not path.is_dir()]
    duck.execute("SET allowed_directories = $1", [[*folders, f"{spill}/"]])
    duck.execute("SET allowed_paths = $1", [files])
    duck.execute("SET TimeZone = 'UTC'")
    duck.execute("SET enable_external_access = false")
    duck.execute("SET lock_configuration = true")
    return duck


@contextmanager
def desk(parent: Path | None = None) -> Generator[Desk]:
    """A desk in a folder of its own, which is removed at the end."""
    with TemporaryDirectory(prefix="archive-", dir=parent) as folder:
        opened = Desk(Path(folder).resolve())
        try:
            yield opened
        finally:
            opened.close()


def sha256(file: Path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _copied(lines: Iterable[bytes], file: Path) -> int:
    """Writes lines to a file; returns how many."""
    count = 0
    with file.open("wb", buffering=CHUNK) as target:
        for count, line in enumerate(lines, start=1):  # noqa: B007 # the last count is the answer
            target.write(line)
    return count
