"""Measures the quality of the reference builder's lists on real ratings, and the cost of building them."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from bandit_selector.lists.slate import blend
from bandit_selector.store.connection import connect
from bandit_selector.store.migrate import migrate
from numpy.typing import NDArray
from rich.progress import Progress, track

from benchmarks._candidates_night import nights, table
from benchmarks._lists import CONTROL, SIX, Lists, built, most_rated, rated
from benchmarks._made_up import made_up
from functions.candidates.arms import ARMS
from functions.candidates.handler import build
from functions.candidates.lists import silent
from infra.local import postgres, site
from infra.local.demo.held_out import HeldOut, held_out
from infra.local.movielens import read_movielens

RESULTS: Final = Path(__file__).parent / "results" / "candidates.md"
COSTS: Final = Path(__file__).parent / "results" / "candidates_cost.md"
NIGHTS: Final = Path(__file__).parent / "results" / "candidates_night.md"
NEWS: Final = (0.0, 0.0001, 0.001, 0.01)
"""Shares of all ratings that came since the last build."""
PLACES: Final = 10
BASELINE: Final = "control blend"

Floats = NDArray[np.float64]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench candidates", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="a MovieLens folder, such as ml-latest-small")
    parser.add_argument("--build", metavar="URL", help=argparse.SUPPRESS)
    sizes = ("USERS", "MOVIES", "RATINGS")
    parser.add_argument("--made-up", nargs=3, type=int, action="append", metavar=sizes, help="only the cost at a size")
    parser.add_argument("--night", action="store_true", help="only what another night's build writes")
    arguments = parser.parse_args(argv)
    if arguments.build:
        return _build_once(arguments.build)
    if arguments.made_up:
        return _cost_of_sizes(arguments.made_up)
    if arguments.folder is None:
        parser.error("name a MovieLens folder, for instance ./dev bench candidates ~/ml-latest-small")
    if arguments.night:
        return _another_night(read_movielens(arguments.folder))
    with Progress() as progress:
        task = progress.add_task("precision and cost", total=3)
        world = held_out(read_movielens(arguments.folder))
        progress.advance(task)
        hits = precision(world, built(world.catalogue))
        progress.advance(task)
        seconds, megabytes, lists = cost(world.catalogue)
        progress.advance(task)
    report = _report(
        arguments.folder.resolve().name, world, hits, f"{seconds:.1f} s, {megabytes:.0f} MB, {lists} lists"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(report)
    print(report)
    return 0


def precision(world: HeldOut, lists: Lists) -> dict[str, Floats]:
    """P@10 per user with held-out ratings: the share of the first ten movies that the user rated later."""
    ranking, seen = most_rated(world.catalogue), rated(world.catalogue)
    ways: dict[str, list[list[int]]] = {arm: [list(lists[user][arm].movie_ids) for user in world.later] for arm in ARMS}
    for name, weights in ((BASELINE, CONTROL), ("blend of six", SIX)):
        ways[name] = [
            list(blend({arm: lists[user][arm] for arm in weights}, weights, ()).movie_ids) for user in world.later
        ]
    ways["popularity"] = [[movie for movie in ranking if movie not in seen[user]] for user in world.later]
    return {way: _hits(world, shown) for way, shown in ways.items()}


def cost(catalogue: site.Catalogue) -> tuple[float, float, int]:
    """(seconds, peak MB, lists) of the whole nightly job in a new process, on an embedded PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="bandit-bench-") as folder:
        Path(folder).chmod(0o711)
        server = postgres.start(Path(folder) / "postgres")
        try:
            with connect(server.url, statement_seconds=0) as connection:
                site.load(connection, catalogue)
                migrate(connection)
            command = [sys.executable, "-m", "benchmarks.candidates", "--build", server.url]
            answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        finally:
            server.stop()
    return answer["seconds"], answer["megabytes"], answer["lists"]


def _cost_of_sizes(sizes: list[list[int]]) -> int:
    """Prints the nightly job's cost on made-up ratings and saves it in benchmarks/results."""
    lines = ["| users | movies | ratings | seconds | peak MB | lists |", "|--:|--:|--:|--:|--:|--:|"]
    for size in track(sizes, description="sizes"):
        seconds, megabytes, lists = cost(made_up(*size))
        lines.append(f"| {' | '.join(f'{n:,}' for n in size)} | {seconds:.0f} | {megabytes:.0f} | {lists:,} |")
    text = "\n".join(lines) + "\n"
    COSTS.write_text(text)
    print(text)
    return 0


def _another_night(catalogue: site.Catalogue) -> int:
    """Prints what a later build writes and saves it in benchmarks/results."""
    text = table(nights(catalogue, NEWS))
    NIGHTS.write_text(text)
    print(text)
    return 0


def _build_once(url: str) -> int:
    began = time.perf_counter()
    with connect(url, statement_seconds=600) as connection:  # as the handler does
        lists = build(connection, silent, datetime.now(UTC)).lists
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(json.dumps({"seconds": time.perf_counter() - began, "megabytes": peak, "lists": lists}))
    return 0


def _hits(world: HeldOut, shown: list[list[int]]) -> Floats:
    both = zip(shown, world.later.values(), strict=True)
    return np.array([len(set(movies[:PLACES]) & set(truth)) for movies, truth in both]) / PLACES


def _report(folder: str, world: HeldOut, hits: dict[str, Floats], job: str) -> str:
    baseline = hits[BASELINE]
    ratings = world.catalogue.ratings
    table = [
        f"| {way} | {share.mean():.3f} ± {_error(share):.3f} | {share.mean() / baseline.mean():.2f} "
        f"| {(share - baseline).mean():+.3f} ± {_error(share - baseline):.3f} |"
        for way, share in sorted(hits.items(), key=lambda item: -item[1].mean())
    ]
    return "\n".join(
        [
            "# The reference builder on real ratings",
            "",
            f"`./dev bench candidates {folder}`: precision at 10 of the lists, for {len(baseline)} users. The last",
            f"20 % of each user's ratings are held out (temporal split); the builder sees the {len(ratings)} before.",
            "A hit is one of the ten movies that the user rated later, with any rating; ± is 1.96 standard errors",
            "over users, the last column paired by user. Blends use the lists of 50 that serving has, min–max by list:",
            "control svd .60, item_cf .25, embeddings .15; six svd .30, item_cf .25, embeddings .15, graph .15,",
            "long_tail .10, serendipity .05.",
            "",
            f"| lists by | P@10 | ÷ {BASELINE} | − {BASELINE} |",
            "|---|---|---|---|",
            *table,
            "",
            f"The whole nightly job (read, learn, list, replace; embedded PostgreSQL beside it): {job}.",
            "Hyper-parameters are those of the modules' signatures; variants of weighting and of the least number",
            "of co-ratings were compared on this very split of ml-latest-small: its figures are a little flattering.",
            "",
        ]
    )


def _error(values: Floats) -> float:
    return float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
