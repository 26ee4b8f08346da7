"""`./dev bench neighbours DIR`: what a list in a session costs and gains with fewer neighbours a movie.

On real ratings of a MovieLens folder. The lift is that of `./dev bench lift`; the cost is what one more statement in a
list's round trip takes of the backend's CPU, and what scoring takes of the function's. Linux only.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.lists.session import ARM, LAST, session_list
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from bandit_selector.store.recent import Asked, read_recent, session_of
from bandit_selector.store.serving import read_visitor_and
from rich.console import Console
from rich.progress import track

from benchmarks._lift_worlds import control, guarded, in_session, mixture, opened, sessions
from benchmarks._path_meter import Meter
from benchmarks._server import server_url
from benchmarks.lift import crossed, relative
from functions.candidates.arms import ARMS
from functions.candidates.handler import build
from functions.candidates.lists import silent
from functions.candidates.neighbours import MOST
from infra.local import site
from infra.local.demo.held_out import held_out
from infra.local.movielens import read_movielens
from infra.local.site import Catalogue

RESULTS: Final = Path(__file__).parent / "results" / "neighbours.md"
NUMBERS: Final = (MOST, 150, 80, 50, 0)
"""Neighbours a movie, in falling order: each step shortens the rows of the one before."""
VISITORS: Final = 200
ROUNDS: Final = 7
GAP: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a list: the backend's with and without the statement, and those of unpacking and scoring."""

    read: float
    without: float
    scoring: float


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench neighbours", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="a MovieLens folder")
    folder: Path | None = parser.parse_args(argv).folder
    if folder is None:
        print("Skipped: there are no ratings. Name a folder, for example ./dev bench neighbours ~/ml-latest-small")
        return 0
    catalogue = read_movielens(folder)
    lifts = _lifts(catalogue)
    with server_url(("autovacuum=off",)) as url, connect(url, statement_seconds=0, plan_once=True) as connection:
        costs = _costs(connection, url, catalogue)
    text = _report(folder.resolve().name, lifts, costs)
    RESULTS.write_text(text)
    print(text)
    return 0


def _lifts(catalogue: Catalogue) -> dict[int, str]:
    """The lift in a session by number of neighbours: a guarded mixture with the session arm, chosen on other users."""
    shop = opened(in_session(held_out(catalogue)))
    theirs = control(shop)
    found: dict[int, str] = {}
    for most in track([number for number in NUMBERS if number], "lift", console=Console(stderr=True)):
        shop = replace(shop, sessions=sessions(shop.split, most))
        pairs = [(ARM, other) for other in ARMS if other != ARM]
        pairs += [(other, best) for best, other in pairs]
        hits = {pair: mixture(shop, guarded(*pair), session=True) for pair in pairs}
        found[most] = relative(crossed(hits, np.zeros(len(theirs))), theirs)
    return found


def _costs(connection: Connection, url: str, catalogue: Catalogue) -> dict[int, Cost]:
    """Each number's cost to visitors whose last rating is a minute old."""
    now = datetime.now(UTC)
    site.load(connection, catalogue)
    migrate(connection)
    build(connection, silent, now)
    visitors = _visitors(connection, now)
    found: dict[int, Cost] = {}
    with connect(url) as watcher:
        meter = Meter(watcher, connection.info.backend_pid)
        for most in track(NUMBERS, "cost", console=Console(stderr=True)):
            _shorten(connection, most)
            found[most] = _cost(connection, meter, visitors, now)
    return found


def _visitors(connection: Connection, now: datetime) -> list[int]:
    """Visitors with enough ratings, the newest of each a minute ago now."""
    connection.execute(
        """
        UPDATE ratings SET "timestamp" = "timestamp" + (%s - newest) FROM (
            SELECT user_id, max("timestamp") AS newest FROM ratings GROUP BY 1
        ) AS last WHERE last.user_id = ratings.user_id
        """,
        [now - timedelta(minutes=1)],
    )
    rows = connection.execute(
        "SELECT user_id FROM ratings GROUP BY 1 HAVING count(*) >= %s ORDER BY 1 LIMIT %s", [LAST, VISITORS]
    ).fetchall()
    connection.execute("VACUUM ANALYZE ratings")
    return [user for (user,) in rows]


def _shorten(connection: Connection, most: int) -> None:
    """Leaves each movie its `most` strongest neighbours; no row where that is none."""
    if most:
        connection.execute(
            "UPDATE movie_neighbours SET movie_ids = movie_ids[:%(most)s], transitions = transitions[:%(most)s],"
            " cosines = cosines[:%(most)s]",
            {"most": most},
        )
    else:
        connection.execute("DELETE FROM movie_neighbours")
    connection.execute("VACUUM FULL ANALYZE movie_neighbours")


def _cost(connection: Connection, meter: Meter, visitors: Sequence[int], now: datetime) -> Cost:
    zone = Settings().site_time_zone

    def read(*, session: bool) -> Callable[[], None]:
        def work() -> None:
            for user in visitors:
                asked = Asked(user, now, GAP, zone) if session else None
                read_visitor_and(connection, user, CONTEXT_KEYS[:3], None, recent=asked)

        return work

    with_it, without = list[float](), list[float]()
    for turn in range(ROUNDS + 1):
        both = [meter.of(read(session=session), len(visitors)).each("cpu") for session in (True, False)]
        if turn:  # the first warms up
            with_it.append(both[0])
            without.append(both[1])
    rows = [read_recent(connection, Asked(user, now, GAP, zone)).fetchall() for user in visitors]
    return Cost(median(with_it), median(without), median(_scored(rows) for _ in range(ROUNDS)))


def _scored(rows: Sequence[Sequence[tuple[object, ...]]]) -> float:
    """Milliseconds of CPU for unpacking and scoring one visitor's rows."""
    began = time.process_time()
    for one in rows:
        session = session_of(one)
        if session:
            session_list(session, ())
    return 1000 * (time.process_time() - began) / len(rows)


def _report(folder: str, lifts: dict[int, str], costs: dict[int, Cost]) -> str:
    return "\n".join(
        [
            "# Fewer neighbours a movie",
            "",
            f"`./dev bench neighbours {folder}`. Lift in a session over today's control list, as in",
            "[lift.md](lift.md): a guarded mixture with the session arm, chosen on other users; 95 %, by resampling",
            f"users. Cost of a list to {VISITORS} visitors whose last {LAST} ratings are read: CPU that the statement",
            f"adds to the backend of a list's reading, and CPU of unpacking and scoring; median of {ROUNDS} rounds.",
            "0 neighbours: the last ratings alone.",
            "",
            "| neighbours | lift in a session | backend adds, ms | whole read, ms | unpack and score, ms |",
            "|--:|---|--:|--:|--:|",
            *(
                f"| {most} | {lifts.get(most, '–')} | {one.read - one.without:.2f} | {one.read:.2f} "
                f"| {one.scoring:.2f} |"
                for most, one in costs.items()
            ),
            "",
        ]
    )
