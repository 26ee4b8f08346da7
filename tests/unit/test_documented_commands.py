"""Every command that the documentation names exists and takes the options that it is shown with.

That each does its work is tested in tests/e2e/test_strangers.py and where its service is tested.
"""

import argparse
import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from infra.local import __main__ as door
from infra.local.commands import bench

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    [
        *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
        *(*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.yml"), *ROOT.glob("clients/**/*.md")),
    ]
)
STOPS: Final = re.compile(r"#|>|\\?\||\)|\.\.\.|…| -->")
WORDS: Final = {"DIR": ".", "N": "1", "ID": "1", "DAY": "2026-01-01", "FILE": "f.parquet", "FOLDER": "folder"}
OF_THE_DOOR: Final = {"test", "check", "python", "pytest", "uv", "help"}


def written() -> list[str]:
    """Everything after `./dev` on the pages, up to the end of the code or a comment."""
    found: set[str] = set()
    for page in PAGES:
        for line in re.findall(r"(?:^ *(?:- run: )?|`)\./dev +([^`\n]+)(?=`|$)", page.read_text(), re.MULTILINE):
            found.add(STOPS.split(line)[0].strip().rstrip(",.:;"))
    return sorted(found - {""})


COMMANDS: Final = written()


def test_the_pages_show_commands() -> None:
    assert {"demo", "migrate --plan", "evaluate --table policy.csv"} <= set(COMMANDS)
    assert "smoke --stack bandit-selector-prod" in COMMANDS


@pytest.mark.parametrize("line", COMMANDS)
def test_a_documented_command_takes_its_options(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *words = [WORDS.get(word, word) for word in shlex.split(line)]
    if name in OF_THE_DOOR:
        return
    if name == "bench":
        assert not words or words[0].replace("-", "_") in bench.names(), line
        return
    assert name in door.names(), line
    command = import_module(f"infra.local.commands.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(prog=name)
    command.add_arguments(parser)
    try:
        parser.parse_args(words)
    except SystemExit:
        told = capsys.readouterr().err
        assert not words or "required" in told, f"{line}: {told}"  # a name alone, in a sentence
