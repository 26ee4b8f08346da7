"""The loop with simulated visitors in simulated time, from an empty database to a report. Prints progress only.

The visits set the simulated clock. `settle` runs after every SETTLED_EVERY visits. Candidates are built before the
first visit and each simulated night. The daily monitor runs at each simulated 9 AM before the last day, and after the
last visit. There is one clock: lists, reports, feedback and the dashboard carry the simulated date.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
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
from infra.local.demo.days import Calendar
from infra.local.demo.inspection import Inspection, inspect
from infra.local.demo.pace import Pace
from infra.local.demo.report import Report, report
from infra.local.demo.shadows import Paired, opened_shadows
from infra.local.demo.trouble import lose_lists
from infra.local.demo.visitors import Visit, World
from infra.local.emulation.event_source import depth
from infra.local.emulation.runtime import InvocationFailed, Throttled
from infra.local.installation import LOCAL, Installation, Plan, background, installation

FOLDER: Final = LOCAL / "demo"
HASTE_SECONDS: Final = 15.0  # an interrupted demo's longest wait for its queue
LOOK_SECONDS: Final = 0.2
SETTLED_EVERY: Final = 20  # visits: a site with a thousand a day settles and publishes after every one
SETTLED_LATEST: Final = 1.0  # real seconds
TICK_SECONDS: Final = 0.02
PER_DAY: Final = 1000  # visits in a simulated day
ENDLESS_FROM: Final = timedelta(days=14)
WIDE: Final = 130  # columns for the progress line with a bar and whole words
NOT_DURABLE: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")  # each demo starts with new data


@dataclass(frozen=True, slots=True)
class Outcome:
    """A demo's results; `duplicates` are repeated messages that were ignored; `inspection` is None if it failed.

    `paired` is the lift of the bandit's list over the hybrid's at the same visits.
    """

    world: World
    visits: int
    pace: Pace
    report: Report
    duplicates: int
    dead_letters: int
    inspection: Inspection | None
    paired: Paired


def plan(port: int, world: World) -> Plan:
    """A demo's service: empty, fast rather than durable, on the visitors' clock; its dashboard names their world.

    Rows of `ratings` are no feedback: those of a stay are there for a visit only, and the visitor reports its ratings.
    Its days take seconds, so probabilities are published five times a real second.
    """
    told = {"DASHBOARD_NOTICE": world.sentence, "SITE_RATINGS": "off", "PUBLISH_EVERY": "0.2s"}
    return Plan(FOLDER, port, simulated=True, postgres_settings=NOT_DURABLE, fresh=True, settings=told)


@asynccontextmanager
async def opened(port: int, world: World, visits: int | None, *, trouble: bool = False) -> AsyncGenerator[Installation]:
    """The service with the world's catalogue and candidate lists, in `trouble` without one arm's; no visits yet.

    The lists are built when the `visits` (None: endless) begin.
    """
    async with installation(plan(port, world)) as service:
        with connect(service.addresses.database, statement_seconds=0) as connection:
            site.load(connection, world.catalogue)
            # a demo's first days are past; the migration makes the weekly tables of days to come
            connection.execute("SELECT bandit_make_partitions(%s, now())", [_begin(visits)])
        await service.invoke("candidates", {"time": _begin(visits).isoformat()})
        if trouble:
            with connect(service.addresses.database) as connection:
                lose_lists(connection)
        yield service


async def run(service: Installation, world: World, seed: int, visits: int | None, stopping: asyncio.Event) -> Outcome:
    """Makes `visits` visits (None: endless) or stops at `stopping`; then waits for the queue and reports."""
    pace = Pace(time.monotonic)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, AsyncExitStack() as stack:
        seen = read_settings().silence == "seen"
        shadows = stack.enter_context(opened_shadows(service.addresses.database, read_settings(), FOLDER))
        crowd = Crowd(world, service.addresses.api, service.issuer, seed, session, seen, shadows)
        stop_settling = background(_keep_settling(service, crowd))
        coming, ends = _visits(world, seed, visits)
        calendar = Calendar(read_settings().time_zone, _begin(visits), ends)
        stop_days = background(_keep_days(service, calendar))
        await _watched(service, crowd, coming, visits, stopping, pace)
        with suppress(TimeoutError):
            async with asyncio.timeout(HASTE_SECONDS if stopping.is_set() else None):
                await _emptied(service)
        pace.mark(crowd.visits)
        await stop_days()
        await _live_days(service, calendar)
        await stop_settling()
        paired = shadows.lift()
    inspection = await _close(service)
    with connect(service.addresses.database) as connection:
        state = report(connection, read_settings())
    dead = await depth(service.session, service.addresses.dead_letter_queue)
    duplicates = service.source.deleted - state.reconciliation.feedback
    return Outcome(world, crowd.visits, pace, state, duplicates, dead, inspection, paired)


def _begin(visits: int | None) -> datetime:
    """When the simulated days begin, so that they end about now; those of an endless demo two weeks ago."""
    return datetime.now(UTC) - (ENDLESS_FROM if visits is None else timedelta(days=visits / PER_DAY))


def _visits(world: World, seed: int, visits: int | None) -> tuple[Iterator[Visit], datetime | None]:
    """The visits, and when the last of them is made."""
    coming = world.visits(_begin(visits), np.random.default_rng(seed), PER_DAY)
    if visits is None:
        return coming, None
    known = list(islice(coming, visits))
    return iter(known), known[-1].at


async def _watched(
    service: Installation,
    crowd: Crowd,
    visits: Iterator[Visit],
    total: int | None,
    stopping: asyncio.Event,
    pace: Pace,
) -> None:
    console = Console(stderr=True)
    wide = console.width >= WIDE
    bars = (TextColumn("{task.description}"), BarColumn()) if wide else ()
    columns = (*bars, MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[numbers]}"))
    with Progress(*columns, console=console) as bar:
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
            bar.update(task, completed=crowd.visits, numbers=_numbers(crowd, rate, queued, wide))
        waiting.cancel()
        if stopping.is_set():
            coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming


def _numbers(crowd: Crowd, rate: int, queued: int, wide: bool) -> str:
    bandit, control = crowd.ctr("treatment"), crowd.ctr("control")
    if not wide:
        return f"{rate}/s CTR {bandit:.1%}/{control:.1%} queue {queued}"
    return f"{rate} requests/s · CTR bandit {bandit:.1%} control {control:.1%} · queue {queued}"


async def _keep_settling(service: Installation, crowd: Crowd) -> None:
    while True:
        await _more_visits(crowd)
        with suppress(InvocationFailed, Throttled):
            await service.invoke("settle", {"time": service.clock.settled().isoformat()})


async def _more_visits(crowd: Crowd) -> None:
    """Waits for SETTLED_EVERY more visits, or for SETTLED_LATEST."""
    before, latest = crowd.visits, time.monotonic() + SETTLED_LATEST
    while crowd.visits < before + SETTLED_EVERY and time.monotonic() < latest:
        await asyncio.sleep(TICK_SECONDS)


async def _keep_days(service: Installation, calendar: Calendar) -> None:
    """Runs what comes once a day at its simulated time."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if service.clock.started:
            await _live_days(service, calendar)


async def _live_days(service: Installation, calendar: Calendar) -> None:
    """Runs what was due up to now and was not run yet."""
    while found := calendar.next(service.clock.settled()):
        schedule, moment = found
        await _once_a_day(service, schedule.function, moment)
        calendar.done(schedule)


async def _once_a_day(service: Installation, function: str, moment: datetime) -> None:
    with suppress(InvocationFailed, Throttled):  # its log says why
        await service.invoke(function, {"time": moment.isoformat()})


async def _emptied(service: Installation) -> None:
    while await depth(service.session, service.addresses.queue):
        await asyncio.sleep(0.1)


async def _close(service: Installation) -> Inspection | None:
    """Settles the last lists after their silence and runs the daily monitor; None if it failed.

    The clock goes on to then, so that the dashboard reads the same figures as the report.
    """
    silence = read_settings().silence_counts_after or timedelta()
    service.clock.go_on(service.clock.now() + silence + timedelta(seconds=1))
    moment = service.clock.now().isoformat()
    await service.invoke("settle", {"time": moment})
    with suppress(InvocationFailed, Throttled):  # its log says why
        return await inspect(service, moment, FOLDER)
    return None
