"""Runs the whole service on this machine until Ctrl-C; DATABASE_URL makes it serve a database of your own."""

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime

import uvloop
from bandit_selector.settings import read_settings
from bandit_selector.store.address import parts_of

from infra.local.demo import sample
from infra.local.emulation import schedules
from infra.local.installation import LOCAL, Installation, Plan, announced, background, installation
from infra.local.options import PORT
from infra.service import SCHEDULES

EXAMPLE = "./dev serve --port 8080"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=PORT, default=8000, help="where the API listens; 0 is any free port")


def run(arguments: argparse.Namespace) -> int:
    url = read_settings().database_url
    if url:
        parts_of(url)  # refused before anything starts
    plan = Plan(LOCAL / "serve", arguments.port, url)
    with suppress(asyncio.CancelledError):
        uvloop.run(_serve(plan))
    return 0


async def _serve(plan: Plan) -> None:
    stopping = stop_signal()
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(installation(plan))
        if not plan.database_url:
            await sample.fill(service)
        zone = read_settings().time_zone
        for schedule in SCHEDULES:
            keeping = schedules.keep(schedule, service.invoke, zone, lambda: datetime.now(UTC))
            stack.push_async_callback(background(keeping))
        stack.enter_context(announced(service, plan))
        greet(service)
        await stopping.wait()


def stop_signal() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set from now on."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


def greet(service: Installation) -> None:
    """Prints the addresses and a command to try."""
    print(f"Site       {service.addresses.api}/\nAPI        {service.addresses.api}")
    print(f"Dashboard  {service.addresses.dashboard}")
    print(f"Database   {service.addresses.printed_database}\nStop       Ctrl-C\n")
    print('Try        TOKEN=$(./dev token --user 1); curl -H "Authorization: Bearer $TOKEN" \\')
    print(f'             "{service.addresses.api}/movies/recommendations?user_id=1"', flush=True)
