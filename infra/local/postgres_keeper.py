"""Keeps an embedded PostgreSQL running: one that was killed is started again at its address. Knows no table."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from infra.local import postgres
from infra.local.postgres import Postgres, PostgresFailed

LOOK_SECONDS: Final = 0.5


async def keep(server: Postgres, settings: Sequence[str]) -> None:
    """Starts the server again whenever it has ended, until cancelled; then stops it."""
    port = urlsplit(server.url).port or 0
    try:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if server.process.poll() is not None:
                print("PostgreSQL has ended; it is started again.", file=sys.stderr, flush=True)
                starting = asyncio.create_task(asyncio.to_thread(postgres.start, server.folder, settings, port))
                try:
                    server = await asyncio.shield(starting)
                except PostgresFailed:
                    continue  # the old one's processes are still ending: looked at again
                except asyncio.CancelledError:
                    with suppress(PostgresFailed):
                        server = await starting  # what is being started is stopped, too
                    raise
    finally:
        server.stop()
