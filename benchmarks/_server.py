"""The embedded PostgreSQL of one benchmark, removed afterwards."""

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.local import postgres


@contextmanager
def server_url(settings: Sequence[str] = ()) -> Generator[str]:
    """The address of an empty server with these settings, in a folder that the server's user can enter."""
    with tempfile.TemporaryDirectory(prefix="bandit-bench-") as folder:
        Path(folder).chmod(0o711)
        server = postgres.start(Path(folder) / "postgres", settings)
        try:
            yield server.url
        finally:
            server.stop()
