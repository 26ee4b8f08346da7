"""Asks a deployment, or a local service, whether it answers; with --stack also whether an alarm can mail."""

import argparse
import sys

import boto3

from infra.deployed import Deployment
from infra.local.errors import WrongUsage
from infra.local.options import USER, address
from infra.smoke import Finding, open_checks, rings, round_trip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", help="the deployment: bandit-selector-prod")
    parser.add_argument("--url", type=address, help="the API's address instead, for a local service")
    parser.add_argument("--token", help="of a visitor: asks for a list and tracks a click, too")
    parser.add_argument("--user", type=USER, default=1, help="whose token that is")
    parser.epilog = "It changes nothing but one alarm's state, which it sets back; with --token it records one list."


def run(arguments: argparse.Namespace) -> int:
    if bool(arguments.stack) == bool(arguments.url):
        raise WrongUsage("Name the deployment by --stack, or an address by --url.")
    found = _of_stack(arguments.stack) if arguments.stack else []
    url = found[0].seen if arguments.stack else arguments.url
    checks = [*found[1:], *open_checks(url)]
    if arguments.token:
        checks += round_trip(url, arguments.token, arguments.user)
    for one in checks:
        print(f"{'✅' if one.holds else '❌'} {one.check}" + ("" if one.holds else f": {one.seen}"))
    return int(not all(one.holds for one in checks))


def _of_stack(stack: str) -> list[Finding]:
    """The address, then the check of an alarm."""
    deployment = Deployment.find(boto3.Session(), stack)
    cloudwatch = deployment.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack}-")
    names = [
        alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"] if "SelectErrors" in alarm["AlarmName"]
    ]
    if not names:
        print(f"The stack {stack} has no alarm SelectErrors; deploy it again.", file=sys.stderr)
    address = Finding("address", True, deployment.outputs["ApiUrl"])
    return [address, *(rings(cloudwatch, name) for name in names)]
