"""Asks a deployment, or a local service, whether it answers; with --stack also whether an alarm can mail."""

import argparse

from infra.credentials import refusals, shell_session
from infra.deployed import Deployment
from infra.local.errors import WrongUsage
from infra.local.options import USER, address
from infra.smoke import Finding, open_checks, rings, round_trip

EXAMPLE = "./dev smoke --url http://localhost:8000"
ALARM = "OperateErrors"
"""One alarm for all: they share the topic, its policy and its key. CodeDeploy rolls nothing back by this one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", help="the deployment: bandit-selector-prod")
    parser.add_argument("--url", type=address, help="the API's address instead, for a local service")
    parser.add_argument("--token", help="of a visitor: asks for a list and tracks a click, too")
    parser.add_argument("--user", type=USER, default=1, help="whose token that is")
    parser.epilog = "It changes nothing but one alarm's state, which it sets back; with --token it records one list."


def run(arguments: argparse.Namespace) -> int:
    if bool(arguments.stack) == bool(arguments.url):
        raise WrongUsage("Name the deployment by --stack, or an address by --url.")
    url, checks = _of_stack(arguments.stack) if arguments.stack else (arguments.url, [])
    checks += open_checks(url)
    if arguments.token:
        checks += round_trip(url, arguments.token, arguments.user)
    for one in checks:
        print(f"{'✅' if one.holds else '❌'} {one.check}" + ("" if one.holds else f": {one.seen}"))
    return int(not all(one.holds for one in checks))


def _of_stack(stack: str) -> tuple[str, list[Finding]]:
    """The deployment's address, and the check of one of its alarms."""
    deployment = Deployment.find(shell_session(), stack)
    with refusals("CloudWatch cannot be asked"):
        cloudwatch = deployment.client("cloudwatch")
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack}-")
        names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
        found = [rings(cloudwatch, name) for name in names if ALARM in name]
    missing = Finding(f"alarm {ALARM} → topic", False, f"the stack {stack} has no such alarm; deploy it again")
    return deployment.output("ApiUrl"), found or [missing]
