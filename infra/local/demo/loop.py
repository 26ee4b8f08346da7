"""The loop with simulated visitors in simulated time, from an empty database to a report. Prints progress only.

The visits set the simulated clock. `settle` runs about once a real second. Candidates are built once, before the
first visit. The daily monitor runs once, after the last.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

import aiohttp
import numpy as np
from bandit_selector.settings import read_settings
from bandit_selector.store.connection import connect
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.local import site
from infra.local.demo.crowd import Crowd
from infra.local.demo.inspection import Inspection, inspect
from infra.local.demo.pace import Pace
from infra.local.demo.report import Report, report
from infra.local.demo.trouble import lose_lists
from infra.local.demo.visitors import Visit, World
from infra.local.emulation.event_source import depth
from infra.local.emulation.runtime import InvocationFailed, Throttled
from infra.local.installation import LOCAL, Installation, Plan, background, installation

FOLDER: Final = LOCAL / "demo"
HASTE_SECONDS: Final = 15.0  # an interrupted demo's longest wait for its queue
PER_DAY: Final = 1000  # visits in a simulated day
ENDLESS_FROM: Final = timedelta(days=14)
NOT_DURABLE: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")  # each demo starts with new data


@dataclass(frozen=True, slots=True)
class Outcome:
    """A demo's results; `duplicates` are repeated messages that were ignored; `inspection` is None if it failed."""

    world: World
    visits: int
    pace: Pace
    report: Report
    duplicates: int
    dead_letters: int
    inspection: Inspection | None


def plan(port: int, world: World) -> Plan:
    """A demo's service: empty, fast rather than durable, on the visitors' clock; its dashboard names their world."""
    told = {"DASHBOARD_NOTICE": world.sentence}
    return Plan(FOLDER, port, simulated=True, postgres_settings=NOT_DURABLE, fresh=True, settings=told)


@asynccontextmanager
async def opened(port: int, world: World, *, trouble: bool = False) -> AsyncGenerator[Installation]:
    """The service with the world's catalogue and candidate lists, in `trouble` without one arm's; no visits yet."""
    async with installation(plan(port, world)) as service:
        with connect(service.addresses.database, statement_seconds=0) as connection:
            site.load(connection, world.catalogue)
        await service.invoke("candidates", {"time": datetime.now(UTC).isoformat()})
        if trouble:
            with connect(service.addresses.database) as connection:
                lose_lists(connection)
        yield service


async def run(service: Installation, world: World, seed: int, visits: int | None, stopping: asyncio.Event) -> Outcome:
    """Makes `visits` visits (None: endless) or stops at `stopping`; then waits for the queue and reports."""
    pace = Pace(time.monotonic)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        seen = read_settings().silence == "seen"
        crowd = Crowd(world, service.addresses.api, service.issuer, seed, session, reports_seen=seen)
        stop_settling = background(_keep_settling(service))
        await _watched(service, crowd, _visits(world, seed, visits), visits, stopping, pace)
        with suppress(TimeoutError):
            async with asyncio.timeout(HASTE_SECONDS if stopping.is_set() else None):
                await _emptied(service)
        pace.mark(crowd.visits)
        await stop_settling()
    inspection = await _close(service)
    with connect(service.addresses.database) as connection:
        found = report(connection, read_settings())
    dead = await depth(service.session, service.addresses.dead_letter_queue)
    duplicates = service.source.deleted - found.reconciliation.feedback
    return Outcome(world, crowd.visits, pace, found, duplicates, dead, inspection)


def _visits(world: World, seed: int, visits: int | None) -> Iterator[Visit]:
    """Visits in simulated days that end about now; an endless demo begins two weeks ago."""
    length = ENDLESS_FROM if visits is None else timedelta(days=visits / PER_DAY)
    coming = world.visits(datetime.now(UTC) - length, np.random.default_rng(seed), PER_DAY)
    return islice(coming, visits)


async def _watched(
    service: Installation,
    crowd: Crowd,
    visits: Iterator[Visit],
    total: int | None,
    stopping: asyncio.Event,
    pace: Pace,
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, TextColumn("{task.fields[numbers]}"), console=console) as bar:
        task = bar.add_task("Visitors", total=total, numbers="")
        coming = asyncio.create_task(crowd.come(visits))
        waiting = asyncio.create_task(stopping.wait())
        before = 0
        pace.mark(before)
        while not coming.done() and not waiting.done():
            await asyncio.wait([coming, waiting], timeout=1, return_when=asyncio.FIRST_COMPLETED)
            rate, before = crowd.visits - before, crowd.visits
            pace.mark(before)
            queued = await depth(service.session, service.addresses.queue)
            bar.update(task, completed=crowd.visits, numbers=_numbers(crowd, rate, queued))
        waiting.cancel()
        if stopping.is_set():
            coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming


def _numbers(crowd: Crowd, rate: int, queued: int) -> str:
    return (
        f"{rate} requests/s · CTR bandit {crowd.ctr('treatment'):.1%} control {crowd.ctr('control'):.1%}"
        f" · queue {queued}"
    )


async def _keep_settling(service: Installation) -> None:
    while True:
        await asyncio.sleep(1)
        with suppress(InvocationFailed, Throttled):
            await service.invoke("settle", {"time": service.clock.settled().isoformat()})


async def _emptied(service: Installation) -> None:
    while await depth(service.session, service.addresses.queue):
        await asyncio.sleep(0.1)


async def _close(service: Installation) -> Inspection | None:
    """Settles the last lists after their silence and runs the daily monitor; None if it failed."""
    silence = read_settings().silence_counts_after or timedelta()
    moment = (service.clock.now() + silence + timedelta(seconds=1)).isoformat()
    await service.invoke("settle", {"time": moment})
    with suppress(InvocationFailed, Throttled):  # its log says why
        return await inspect(service, moment, FOLDER)
    return None
