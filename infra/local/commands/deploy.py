"""Deploys an environment to the AWS account whose credentials the shell has; shows changes of permissions first."""

import argparse

from infra.cloud import ROOT, context_of, run_cdk
from infra.configuration import read_configuration
from infra.credentials import shell_session
from infra.preflight import Account, check

EXAMPLE = "./dev deploy -- -c environment=prod"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--without-preflight", action="store_true", help="do not ask the account beforehand")
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help="after --, for the CDK: -c environment=prod -c KEY=VALUE …"
    )


def run(arguments: argparse.Namespace) -> int:
    words = [word for word in arguments.options if word != "--"]
    if not arguments.without_preflight:
        configuration = read_configuration(context_of(words, ROOT))
        check(Account(shell_session()), configuration)
    return run_cdk(["deploy", "--all", *words])
