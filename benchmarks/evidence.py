"""`./dev bench evidence`: how often the A/B read-out and the monitor are wrong, and how soon they find what is there.

Simulated visitors only; the product's own functions read them out at every look, and the monitor itself runs on real
PostgreSQL. Seeded: equal runs give equal figures. Parts are kept in results/evidence.json, so that each can be run by
itself (`--only`); the table and the picture show them all.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks._evidence_monitor import Mailed, faults, healthy
from benchmarks._evidence_picture import picture
from benchmarks._evidence_studies import STUDIES, Figure
from benchmarks._evidence_words import table

RESULTS: Final = Path(__file__).parent / "results" / "evidence.md"
MORNINGS: Final = 90


def main(argv: Sequence[str]) -> int:
    """Simulates, prints and writes the table and the picture."""
    parts = [*STUDIES, "healthy", "faults"]
    parser = argparse.ArgumentParser(prog="./dev bench evidence", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000, help="of each study without a database")
    parser.add_argument("--sites", type=int, default=20, help="healthy sites that the monitor watches")
    parser.add_argument("--faulty", type=int, default=1, help="sites on which each fault begins")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART", help=", ".join(parts))
    arguments = parser.parse_args(argv)
    kept: dict[str, Any] = _kept()
    for part in arguments.only:
        _run(part, arguments, kept)
        _keep(kept)
    print(RESULTS.read_text())
    return 0


def _run(part: str, arguments: argparse.Namespace, kept: dict[str, Any]) -> None:
    """Puts a part's figures among those that are kept."""
    match part:
        case "healthy":
            kept["healthy"] = []
            healthy(
                range(arguments.sites),
                MORNINGS,
                lambda _, mails, called: _add(kept, "healthy", {"mails": mails, "called": called}),
            )
        case "faults":
            kept["faults"] = []
            faults(range(arguments.faulty), lambda found: _add(kept, "faults", asdict(found)))
        case _:
            kept["studies"][part] = [asdict(figure) for figure in STUDIES[part](arguments.runs)]


def _add(kept: dict[str, Any], part: str, found: dict[str, Any]) -> None:
    """Keeps one site's result at once: a run takes minutes, and may be stopped."""
    kept[part].append(found)
    _keep(kept)


def _kept() -> dict[str, Any]:
    """What earlier runs have found."""
    path = RESULTS.with_suffix(".json")
    return json.loads(path.read_text()) if path.exists() else {"studies": {}, "healthy": [], "faults": []}


def _keep(kept: dict[str, Any]) -> None:
    figures = [Figure(**one) for part in STUDIES for one in kept["studies"].get(part, [])]
    mailed = [Mailed(**one) for one in kept["faults"]]
    RESULTS.with_suffix(".json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    RESULTS.with_suffix(".svg").write_text(picture(figures, mailed))
    RESULTS.write_text(table(figures, kept["healthy"], MORNINGS, mailed))
