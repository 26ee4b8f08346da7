"""Hides the handlers' logs from a benchmark's output; the handlers still write them."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def silenced() -> Generator[None]:
    """Discards the process's standard output until the block ends."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
