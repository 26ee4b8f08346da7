"""Deploys an environment to the AWS account whose credentials the shell has; shows changes of permissions first."""

import argparse

from infra.cloud import run_cdk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help="after --, for the CDK: -c environment=prod -c KEY=VALUE …"
    )


def run(arguments: argparse.Namespace) -> int:
    return run_cdk(["deploy", *(word for word in arguments.options if word != "--")])
