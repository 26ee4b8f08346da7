"""Prints the addresses of the running service's parts. Exit code 1 if none runs."""

import argparse
import json

from infra.local.errors import LocalError
from infra.local.installation import running

EXAMPLE = "./dev status --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    service = running()
    if service is None:
        raise LocalError("No service of this checkout runs; start one with `./dev serve` or `./dev demo`.")
    addresses = service[1].printed()
    if arguments.json:
        print(json.dumps(addresses))
    else:
        print("\n".join(f"{name:<18} {address}" for name, address in addresses.items()))
    return 0
