"""The archive's files in S3: one folder a day, `events/date=YYYY-MM-DD/`. Knows S3; must not know what a row means."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import duckdb
from bandit_selector.errors import ArchiveFailed
from bandit_selector.services.archive import Shelf
from bandit_selector.store.archives import Figures, File, together
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from functions.archive.parquet import Desk, sha256

PREFIX: Final = "events/date="
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bucket:
    """The objects of one bucket under PREFIX; boto3 has no types of its own."""

    s3: Any
    name: str

    def put(self, file: Path, key: str) -> None:
        self.s3.upload_file(str(file), self.name, key)

    def get(self, key: str, file: Path) -> None:
        self.s3.download_file(self.name, key, str(file))

    def keys(self, prefix: str) -> list[str]:
        """All keys that begin with `prefix`, sorted."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def days(self) -> list[date]:
        """The days that have a folder, oldest first."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=PREFIX, Delimiter="/")
        folders = [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", [])]
        return sorted(date.fromisoformat(folder.removeprefix(PREFIX).rstrip("/")) for folder in folders)

    def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.s3.delete_object(Bucket=self.name, Key=key)

    def remove_old_versions(self, prefix: str) -> None:
        """Deletes what a versioned bucket keeps of replaced and removed objects."""
        pages = list(self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix))
        old = [found for page in pages for found in page.get("Versions", []) if not found["IsLatest"]]
        markers = [found for page in pages for found in page.get("DeleteMarkers", [])]
        for found in [*old, *markers]:  # markers last: without its marker, an old version would be the newest again
            self.s3.delete_object(Bucket=self.name, Key=found["Key"], VersionId=found["VersionId"])


def shelf(bucket: Bucket, desk: Desk) -> Shelf:
    """The archive in a bucket, written and read at a desk."""
    kept = _Kept(bucket, desk)
    return Shelf(_named(kept.put), _named(kept.read), _named(bucket.days), _named(kept.forget))


def folder_of(day: date) -> str:
    """The beginning of the keys of a day's files."""
    return f"{PREFIX}{day}/"


@dataclass(frozen=True, slots=True)
class _Kept:
    bucket: Bucket
    desk: Desk

    def put(self, day: date, lines: Iterable[bytes]) -> list[File]:
        files = [
            self._upload(file, f"{folder_of(day)}part-{number:04}.parquet", rows)
            for number, (file, rows) in enumerate(self.desk.write(lines))
        ]
        self._remove_all_but(day, files)
        return files

    def read(self, files: Sequence[File]) -> Figures:
        found: Figures = {}
        for file in files:
            with self._read_back(file) as here:
                found = together(found, self.desk.figures(here))
        return found

    def forget(self, day: date, user_id: int) -> tuple[int, list[File]]:
        visited = [self._without(key, user_id) for key in self.bucket.keys(folder_of(day))]
        files = [file for _, file in visited if file]
        self._remove_all_but(day, files)
        self.bucket.remove_old_versions(folder_of(day))
        return sum(gone for gone, _ in visited), files

    def _without(self, key: str, user_id: int) -> tuple[int, File | None]:
        """Rewrites one file without a visitor; how many impressions went, and the file if any is left."""
        others = self.desk.folder / "others.parquet"
        with self._fetched(key) as here:
            known, left = self.desk.rows(here), self.desk.without(here, user_id, others)
            if left == known:
                return 0, _file(here, key, known)
        if not left:
            return known, None
        kept = self._upload(others, key, left)
        with self._read_back(kept):  # before its old version is deleted
            return known - left, kept

    def _upload(self, file: Path, key: str, rows: int) -> File:
        """Puts a file into the bucket, and takes it away from the disk."""
        kept = _file(file, key, rows)
        self.bucket.put(file, key)
        file.unlink()
        return kept

    def _remove_all_but(self, day: date, files: Sequence[File]) -> None:
        self.bucket.remove(set(self.bucket.keys(folder_of(day))) - {file.key for file in files})

    @contextmanager
    def _read_back(self, file: File) -> Generator[Path]:
        """A file as the bucket has it; raises ArchiveFailed if that is not what was written."""
        with self._fetched(file.key) as here:
            if sha256(here) != file.sha256:
                raise ArchiveFailed(f"{file.key} in the bucket is not the file that was written there.")
            yield here

    @contextmanager
    def _fetched(self, key: str) -> Generator[Path]:
        """An object as a file on the disk until the block ends."""
        here = self.desk.folder / "fetched.parquet"
        self.bucket.get(key, here)
        try:
            yield here
        finally:
            here.unlink()


def _file(file: Path, key: str, rows: int) -> File:
    return File(key, rows, file.stat().st_size, sha256(file))


def _named(work: Callable[P, T]) -> Callable[P, T]:
    """Raises what S3 or DuckDB could not do as ArchiveFailed."""

    @wraps(work)
    def named(*arguments: P.args, **keywords: P.kwargs) -> T:
        try:
            return work(*arguments, **keywords)
        except (Boto3Error, BotoCoreError, ClientError, duckdb.Error, OSError) as error:
            raise ArchiveFailed(f"The archive could not be written or read: {error}") from error

    return named
