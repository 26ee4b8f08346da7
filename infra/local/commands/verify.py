"""Recomputes every learned count and sum from the recorded events; exits 1 and names the first that differs."""

import argparse

from bandit_selector.settings import read_settings
from bandit_selector.store.verification import first_difference_of_all

from infra.local.database import open_database

EXAMPLE = "./dev verify"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds none: it reads everything and changes nothing."""


def run(_arguments: argparse.Namespace) -> int:
    with open_database() as connection:
        wrong = first_difference_of_all(connection, read_settings().outcomes_change_for)
    print(wrong or "The invariant holds: every count and sum follows from the recorded events.")
    return int(wrong is not None)
