"""Prints the share in force, the A/B table, the shadow, and what was learned per context and arm."""

import argparse

from bandit_selector.services.shipping import read_shipping
from bandit_selector.settings import read_settings

from infra.local import moment
from infra.local.database import open_database
from infra.local.demo.printout import show_stats
from infra.local.demo.report import report
from infra.local.shipping import show_shipping
from infra.local.tables import console

EXAMPLE = "./dev stats"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds none: it reads everything and changes nothing."""


def run(_arguments: argparse.Namespace) -> int:
    settings = read_settings()
    with open_database() as connection:
        standing = read_shipping(connection, settings, moment.now())
        known = report(connection, settings)
    show_shipping(standing, console())
    show_stats(known, console())
    return 0
