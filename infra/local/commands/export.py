"""Writes the impressions of some days as Parquet into one file, or into a folder with one for each day."""

import argparse
from datetime import date, timedelta
from pathlib import Path

from bandit_selector.store.connection import named_failures

from infra.local.database import open_database
from infra.local.errors import LocalError
from infra.local.export import export
from infra.local.options import day

EXAMPLE = "./dev export --from 2026-11-01 --until 2026-11-30 --to events.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="since", type=day, required=True, metavar="YYYY-MM-DD", help="the first UTC day")
    parser.add_argument("--until", type=day, metavar="YYYY-MM-DD", help="the last UTC day; without it, one day")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE|FOLDER", help="NAME.parquet is one file")
    parser.epilog = "A day whose tables were dropped comes from the archive: REPORT_BUCKET names its bucket."


def run(arguments: argparse.Namespace) -> int:
    until: date = arguments.until or arguments.since
    days = [arguments.since + timedelta(days=number) for number in range((until - arguments.since).days + 1)]
    if not days:
        raise LocalError(f"--until {until} is before --from {arguments.since}; give the earlier day first.")
    with open_database() as connection, named_failures():
        rows = export(connection, days, arguments.to)
    print(f"{rows:,} impressions of {len(days)} days are in {arguments.to}.")
    return 0
