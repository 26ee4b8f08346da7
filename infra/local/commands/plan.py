"""Tells what to expect on your traffic: days until a lift is shown, clicks lost while learning, and a ramp."""

import argparse
import dataclasses
import json
import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bandit_selector.evidence.planning import Traffic
from bandit_selector.pages import plan as paper
from bandit_selector.services.plan import Plan, plan, rehearsals
from bandit_selector.settings import read_settings
from rich.console import Console
from rich.progress import Progress

from infra.local import logs, moment, traffic
from infra.local.database import open_database
from infra.local.errors import WrongUsage
from infra.local.options import SEED, whole
from infra.local.tables import Listing, console, show

EPILOG = """\
examples:
  ./dev plan --lists-per-day 1000 --visitors-per-day 700 --ctr 0.12
  ./dev plan --from recommendation_events.csv --page plan.html
  ./dev plan --from events.parquet           what ./dev export wrote
  ./dev plan                                 the last 28 days of the database

A CSV has a header and a row for each movie shown: user_id, created_at, clicked; context_key if you have it.
"""
LARGEST = 1e9
DAYS = whole(1, 3_650, "a number of days")
RUNS = whole(2, 1_000, "a number of runs")
PLACES = whole(1, 50, "a number of places")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--from", dest="source", type=Path, metavar="FILE|FOLDER", help="a log; default: the database")
    parser.add_argument("--lists-per-day", type=_positive, help="instead of a log")
    parser.add_argument("--visitors-per-day", type=_positive, help="with --lists-per-day; default: one a list")
    parser.add_argument("--ctr", type=_share, default=0.10, help="clicks per movie shown; default: 0.10")
    parser.add_argument("--places", type=PLACES, default=30, help="movies in a list; default: 30")
    parser.add_argument(
        "--mix", type=Path, metavar="CSV", help="contexts' shares: context_key, share; default: by the hours they have"
    )
    parser.add_argument("--design-effect", type=_positive, help="with --lists-per-day; default: 3")
    parser.add_argument("--days", type=DAYS, default=90, help="how long learning is simulated; default: 90")
    parser.add_argument("--runs", type=RUNS, default=12, help="made-up sites to learn on; default: 12")
    parser.add_argument("--seed", type=SEED, default=1)
    parser.add_argument("--page", type=Path, metavar="FILE.html", help="writes the same as a page with pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    settings, known = read_settings(), _traffic(arguments)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulating", total=rehearsals(known, settings, arguments.runs))
        made = plan(known, settings, arguments.days, arguments.runs, arguments.seed, lambda: bar.advance(task))
    if arguments.page:
        arguments.page.write_text(paper.page(made), encoding="utf-8")
    if arguments.json:
        print(json.dumps(dataclasses.asdict(made), default=_plain).replace("Infinity", "null"))
    else:
        _print(made, arguments)
    return 0


def _traffic(arguments: argparse.Namespace) -> Traffic:
    if arguments.lists_per_day:
        visitors = arguments.visitors_per_day or arguments.lists_per_day
        mix = traffic.mix_of(arguments.mix) if arguments.mix else None
        return traffic.assumed(
            arguments.lists_per_day, visitors, arguments.ctr, arguments.places, arguments.design_effect, mix
        )
    if arguments.mix:
        raise WrongUsage("--mix goes with --lists-per-day; a log has its own mix of contexts.")
    if arguments.source:
        is_csv = arguments.source.suffix == ".csv" and arguments.source.is_file()
        return traffic.measured([arguments.source.resolve()] if is_csv else logs.parquet_of(arguments.source.resolve()))
    today = moment.now().date()
    days = [today - timedelta(days=age) for age in reversed(range(28))]
    with open_database() as connection, logs.exported(connection, days) as files:
        return traffic.measured(logs.not_empty(files))


def _print(made: Plan, arguments: argparse.Namespace) -> None:
    print(f"{paper.headline(made)}.\n{paper.traffic(made)}\n")
    for listing in paper_tables(made):
        show(listing, console())
    print(f"{paper.SHOWN}\n{paper.VARIANTS} {paper.saved(made)}\n{paper.RAMP}")
    if arguments.page:
        print(f"The same with pictures: {arguments.page}")


def paper_tables(made: Plan) -> list[Listing]:
    """The plan's tables for a terminal; contexts are summed up, the page and --json have each."""
    shares = next(iter(made.shown.values()))
    known = sorted(one.median for one in made.contexts)
    return [
        Listing(
            "Days until a lift is shown, by the bandit's share",
            ("lift", *(f"{share:.0%}" for share in shares)),
            [(f"{lift:.0%}", *(_days(days) for days in row.values())) for lift, row in made.shown.items()],
        ),
        Listing(
            f"Clicks lost while learning, in {made.days[-1]:.0f} days (equal chances: {made.even:,.0f})",
            ("setting", "median", "10 to 90 %"),
            [(one.name, f"{one.lost:,.0f}", f"{one.low:,.0f} to {one.high:,.0f}") for one in made.variants],
        ),
        Listing(
            "Day from which contexts draw an arm close to their best",
            ("contexts", "day"),
            [
                (words, _days(known[math.ceil(level * len(known)) - 1]))
                for words, level in (
                    ("the quickest", 0.0001),
                    ("half of them", 0.5),
                    ("nine of ten", 0.9),
                    ("all", 1.0),
                )
            ],
        ),
        Listing("A ramp", ("day", "share", "why then"), [(f"{s.day}", f"{s.share:.0%}", s.reason) for s in made.ramp]),
    ]


def _days(days: float) -> str:
    return "never" if days == math.inf else f"{days:,.1f}"


def _plain(value: object) -> object:
    to_list: Callable[[], object] | None = getattr(value, "tolist", None)
    return to_list() if to_list else str(value)


def _positive(text: str) -> float:
    return _number(text, "a number above 0, up to a billion", lambda number: 0 < number <= LARGEST)


def _share(text: str) -> float:
    return _number(text, "a share between 0 and 1", lambda number: 0 < number < 1)


def _number(text: str, what: str, fits: Callable[[float], bool]) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (fits(number) and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {what}")
    return number
