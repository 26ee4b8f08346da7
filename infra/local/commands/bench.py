"""Runs one benchmark of the folder benchmarks/ with its own options; without a name it lists them."""

import argparse
from importlib import import_module
from pathlib import Path
from typing import Final

EXAMPLE = "./dev bench lift --help"
FOLDER: Final = Path(__file__).parents[3] / "benchmarks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="a module of benchmarks/")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="what that benchmark takes; try --help")


def run(arguments: argparse.Namespace) -> int:
    name = str(arguments.name or "").replace("-", "_")
    if name not in names():
        print(f"Benchmarks: {', '.join(names()) or 'none yet'}.")
        return 2 if name else 0
    status: int = import_module(f"benchmarks.{name}").main(list(arguments.options))
    return status


def names() -> list[str]:
    """The names of all benchmarks."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
