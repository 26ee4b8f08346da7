"""Prints a token for the local service: a visitor's, or the team's with a scope."""

import argparse
from datetime import UTC, datetime

from infra.local.emulation.issuer import issuer
from infra.local.installation import LOCAL, running
from infra.local.options import USER

EXAMPLE = "TOKEN=$(./dev token --user 1)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--user", type=USER, metavar="N", help="a visitor, who reads and tracks for itself only")
    whose.add_argument("--scope", choices=["analytics", "service"], help="the team's numbers, or any user's lists")


def run(arguments: argparse.Namespace) -> int:
    service = running()
    signer = issuer(service[0] if service else LOCAL / "serve")
    subject = str(arguments.user) if arguments.user is not None else arguments.scope
    print(signer.mint(subject, datetime.now(UTC), arguments.scope or ""))
    return 0
