"""Writes the CloudFormation template of an environment to cdk.out, checked by cdk-nag; needs no AWS account."""

import argparse

from infra.cloud import run_cdk

EXAMPLE = "./dev synth -- -c environment=prod"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help="after --, for the CDK: -c environment=prod -c KEY=VALUE …"
    )


def run(arguments: argparse.Namespace) -> int:
    return run_cdk(["synth", "--quiet", *(word for word in arguments.options if word != "--")])
