"""Feedback that was accepted and is not counted yet: the emulated queue forgets it when it ends. Knows no message."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import aiohttp

from infra.local.emulation.event_source import depth

DRAIN_SECONDS: Final = 15.0
MARK: Final = "queue.open"


def announce_lost(folder: Path) -> None:
    """Marks the queue of this folder as open; says so if the last run was killed with its queue open."""
    mark = folder / MARK
    if mark.exists():
        print(
            "The last run was killed: feedback that it had accepted and not yet counted is lost.",
            file=sys.stderr,
            flush=True,
        )
    mark.touch()


async def drain(folder: Path, session: aiohttp.ClientSession, queue: str) -> None:
    """Waits until everything accepted is counted, for DRAIN_SECONDS at most; says what is left."""
    try:
        await _drain(session, queue)
    except aiohttp.ClientError:
        print("The queue does not answer: what it holds is lost.", file=sys.stderr, flush=True)
    (folder / MARK).unlink(missing_ok=True)


async def _drain(session: aiohttp.ClientSession, queue: str) -> None:
    left = await depth(session, queue)
    if left:
        print(f"Counting accepted reactions before stopping: {left:,} ...", file=sys.stderr, flush=True)
    deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
    while left and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.1)
        left = await depth(session, queue)
    if left:
        print(f"Accepted reactions that are not counted and are lost: {left:,}.", file=sys.stderr, flush=True)
