"""One service per folder: the lock and the holder's announcement. Must not know what runs there."""

import fcntl
import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from infra.local.errors import LocalError

LOCK: Final = "lock"
ANNOUNCEMENT: Final = "running.json"


class AlreadyRuns(LocalError):
    """Another process holds the folder."""


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Locks `folder` until the block or this process ends; raises AlreadyRuns."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as file:
        if not _lock(file):
            holder = announcement(folder)
            where = f" at {holder['api']}" if holder else ", still starting"
            raise AlreadyRuns(f"This checkout's `./dev {folder.name}` already runs{where}; stop it first.")
        (folder / ANNOUNCEMENT).unlink(missing_ok=True)
        yield


def _lock(file: IO[str]) -> bool:
    """Tries for a moment: a process that only looks holds the lock very briefly."""
    for _ in range(5):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


@contextmanager
def announced(folder: Path, content: Mapping[str, Any]) -> Generator[None]:
    """Tells other processes what runs here, until the block ends."""
    draft = folder / f"{ANNOUNCEMENT}.draft"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=2))
    draft.rename(folder / ANNOUNCEMENT)
    try:
        yield
    finally:
        (folder / ANNOUNCEMENT).unlink(missing_ok=True)


def is_announced(folder: Path) -> bool:
    """Whether the holder of `folder` has announced itself."""
    return (folder / ANNOUNCEMENT).exists()


def announcement(folder: Path) -> dict[str, Any] | None:
    """The announcement of the service of `folder`; None if none runs (a crashed one's is ignored)."""
    try:
        with (folder / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            content: dict[str, Any] = json.loads((folder / ANNOUNCEMENT).read_text())
        except FileNotFoundError:
            return None
        return content
    except FileNotFoundError:
        return None
    return None
