"""Shows the whole loop on this machine: the service, a catalogue, and simulated visitors it learns from."""

import argparse
import socket
import sys
from pathlib import Path
from typing import Final

import uvloop

from infra.local.commands.serve import greet, stop_signal
from infra.local.demo import loop
from infra.local.demo.held_out import held_out
from infra.local.demo.printout import as_json, show
from infra.local.demo.trouble import Troubled
from infra.local.demo.visitors import World
from infra.local.demo.world import synthetic
from infra.local.errors import WrongUsage
from infra.local.installation import announced
from infra.local.movielens import read_movielens
from infra.local.options import PORT, SEED, VISITS
from infra.local.tables import console

EXAMPLE = "./dev demo --requests 2000 --exit"
USUAL_PORT: Final = 8000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=VISITS, metavar="N", help="N visits; without it they keep coming")
    parser.add_argument("--exit", action="store_true", help="exit after the last visit instead of waiting for Ctrl-C")
    parser.add_argument("--seed", type=SEED, default=1, help="random seed of the world and its visitors (default: 1)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on one line")
    parser.add_argument("--movielens", type=Path, metavar="DIR", help="real ratings instead of the synthetic world")
    parser.add_argument(
        "--trouble", action="store_true", help="lose an arm's lists and break the ratings, to see the alert mails"
    )
    parser.add_argument("--port", type=PORT, help="where the API listens; 0 is any free port (default: 8000 if free)")


def run(arguments: argparse.Namespace) -> int:
    if arguments.exit and not arguments.requests:
        raise WrongUsage("--exit needs an end: add --requests N, for example `./dev demo --requests 2000 --exit`.")
    folder: Path | None = arguments.movielens
    sound: World = held_out(read_movielens(folder)) if folder else synthetic(arguments.seed)
    world = Troubled(sound) if arguments.trouble else sound
    return uvloop.run(_demo(world, arguments))


async def _demo(world: World, arguments: argparse.Namespace) -> int:
    stopping = stop_signal()
    port = arguments.port if arguments.port is not None else _usual_port()
    print("Starting the service, loading the catalogue, building its candidate lists ...", file=sys.stderr, flush=True)
    async with loop.opened(port, world, arguments.requests, trouble=arguments.trouble) as service:
        with announced(service, loop.plan(port, world)):
            if not arguments.exit:
                greet(service)
            outcome = await loop.run(service, world, arguments.seed, arguments.requests, stopping)
            stays = not arguments.exit and not stopping.is_set()
            show(outcome, service.addresses, console(), stays=stays)
            if arguments.json:
                print(as_json(outcome), flush=True)
            if stays:
                print("The service stays up until Ctrl-C.", file=sys.stderr, flush=True)
                await stopping.wait()
    return 0 if outcome.report.difference is None else 1


def _usual_port() -> int:
    """8000, or any free port if 8000 is taken."""
    try:
        socket.create_server(("127.0.0.1", USUAL_PORT)).close()
    except OSError:
        return 0
    return USUAL_PORT
