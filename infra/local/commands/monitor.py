"""Prints the monitor's report on the last days, keeps it for the dashboard and in a file; sends no mail."""

import argparse
from pathlib import Path
from typing import Final

from bandit_selector.pages.printed import printed
from bandit_selector.pages.report import page
from bandit_selector.services.report import Now, make_report
from bandit_selector.settings import read_settings
from bandit_selector.store.reports import add_by_hand

from infra.local import moment
from infra.local.database import open_database

EXAMPLE = "./dev monitor --days 7 --html report.html"
KEPT: Final = Path("monitoring_report.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, choices=range(1, 366), default=7, metavar="1-365", help="how far back (7)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page, too")


def run(arguments: argparse.Namespace) -> int:
    settings, now = read_settings(), moment.now()
    with open_database() as connection:
        present = Now.read(connection, None, now, settings)
        report = make_report(connection, arguments.days, now, settings, present)
        add_by_hand(connection, report.timestamp.date(), arguments.days, report.model_dump(mode="json"), now)
    print(printed(report))
    KEPT.write_text(report.model_dump_json(indent=2) + "\n")
    print(f"💾 Report saved to: {KEPT}")
    if arguments.html:
        arguments.html.write_text(page(report, settings.dashboard_notice))
        print(f"🌐 Page saved to: {arguments.html}")
    return 0
