"""Deletes an environment from AWS; what keep_data protects stays."""

import argparse

from infra.cloud import run_cdk

EXAMPLE = "./dev destroy -- -c environment=dev"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help="after --, for the CDK: -c environment=prod -c KEY=VALUE …"
    )


def run(arguments: argparse.Namespace) -> int:
    return run_cdk(["destroy", "--all", *(word for word in arguments.options if word != "--")])
