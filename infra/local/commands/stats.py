"""Prints the A/B table and what was learned: successes, outcomes and shares of places per context and arm."""

import argparse

from bandit_selector.settings import read_settings

from infra.local.database import open_database
from infra.local.demo.printout import show_stats
from infra.local.demo.report import report
from infra.local.tables import console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds none: it reads everything and changes nothing."""


def run(_arguments: argparse.Namespace) -> int:
    with open_database() as connection:
        show_stats(report(connection, read_settings()), console())
    return 0
