"""`python -m infra.local COMMAND`, which is what `./dev COMMAND` runs. Knows where commands are, not what they do."""

import argparse
import ast
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Final, Protocol, cast

import psycopg
from bandit_selector.errors import BanditSelectorError

from infra.local.errors import LocalError, WrongUsage

FOLDER: Final = Path(__file__).parent / "commands"
OF_THE_DOOR: Final = {  # these are lines of the file `dev` itself
    "test": "Runs format, lint, types, layers, tests; with --all, as CI, the longest tests too. Options go to pytest.",
    "check": "Runs format, lint, types and layers without the tests.",
    "python, pytest, uv": "Runs that program in the environment.",
}


GROUPS: Final = {
    "Try it": ("demo", "serve", "token", "status"),
    "Before you ship": ("plan", "evaluate", "goals"),
    "See what it does": ("stats", "explain", "monitor", "verify", "export"),
    "Run it beside your site": (
        *("migrate", "uninstall", "candidates", "import-movielens"),
        *("dlq", "prune", "forget-user", "rebuild", "rename-arm"),
    ),
    "In AWS": ("deploy", "smoke", "remote", "synth", "destroy"),
    "Work on it": ("test", "check", "bench", "python, pytest, uv"),
}
"""The commands by who needs them, in the order of `./dev help`."""
ENTITLE: Final = "Connect as the tables' owner, or let the owner run what `./dev migrate --sql` prints for this role."
READER_GONE: Final = 141  # as a shell counts the signal SIGPIPE


class Command(Protocol):
    """What a module of `commands` offers; one without an `EXAMPLE` has examples in its parser's epilog."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, arguments: argparse.Namespace) -> int: ...


class _Help(argparse.HelpFormatter):
    """Wraps each paragraph to the terminal's width, but for one with indented lines: examples stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        wrapped = super()._fill_text
        parts = text.strip().split("\n\n")
        return "\n\n".join(part if "\n  " in part else wrapped(part, width, indent) for part in parts)


def main(words: Sequence[str]) -> int:
    """Runs one command; exit code 0 done, 1 refused with a sentence, 2 wrong usage, 130 interrupted."""
    name, *rest = words or ["help"]
    if name in {"help", "-h", "--help"}:
        print(OF_THE_DOOR.get(rest[0], overview()) if rest else overview())
        return 0
    if name not in names():
        print(f"There is no command {name!r}; `./dev help` lists them all.", file=sys.stderr)
        return 2
    return _run(name, rest)


def _run(name: str, words: Sequence[str]) -> int:
    try:
        command = cast("Command", import_module(f"infra.local.commands.{name.replace('-', '_')}"))
        parser = argparse.ArgumentParser(prog=f"./dev {name}", description=command.__doc__, formatter_class=_Help)
        command.add_arguments(parser)
        if example := getattr(command, "EXAMPLE", ""):
            parser.epilog = f"{parser.epilog or ''}\n\nexample:\n  {example}"
        return command.run(parser.parse_args(words))
    except WrongUsage as error:
        print(error, file=sys.stderr)
        return 2
    except (BanditSelectorError, LocalError) as error:
        print(error, file=sys.stderr)
        return 1
    except psycopg.errors.InsufficientPrivilege as error:
        refused = error.diag.message_primary or str(error)
        print(f"The database refused: {refused}. {ENTITLE}", file=sys.stderr)
        return 1
    except psycopg.Error as error:
        print(f"The database refused: {error.diag.message_primary or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(words: Sequence[str]) -> int:
    """`main` for a shell: a reader that has gone, as of `status | head`, is not an error to tell anybody."""
    if isinstance(sys.stdout, TextIOWrapper):
        # the terminal may lack a character, and a file's name may not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main(words)
        sys.stdout.flush()
    except SystemExit as ended:  # argparse's own; its text may still wait for the reader
        status = _flushed(int(ended.code or 0))
    except BrokenPipeError:
        status = _without_a_reader()
    except OSError as error:
        print(f"{error.strerror or error}: {error.filename or 'see above'}.", file=sys.stderr)
        status = 1
    return status


def _flushed(status: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _without_a_reader()
    return status


def _without_a_reader() -> int:
    """Gives Python something to flush into at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE


def names() -> list[str]:
    """Every command's name as typed."""
    return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if path.stem != "__init__")


def overview() -> str:
    """One line per command under who needs it: its name and the first sentence of its module."""
    lines = {name: _first_sentence(FOLDER / f"{name.replace('-', '_')}.py") for name in names()} | OF_THE_DOOR
    width = max(map(len, lines))
    listed = [
        "\n".join([f"{title}:", *(f"  {name:<{width}}  {lines[name]}" for name in group if name in lines)])
        for title, group in _groups(lines).items()
    ]
    return "\n\n".join(["Bandit Selector: ./dev COMMAND [OPTIONS]", *listed, "./dev COMMAND --help says more."])


def _groups(lines: Iterable[str]) -> dict[str, list[str]]:
    """GROUPS, and the commands that are in none of them."""
    grouped = {name for group in GROUPS.values() for name in group}
    others = sorted(set(lines) - grouped)
    return {title: list(group) for title, group in GROUPS.items()} | ({"Others": others} if others else {})


def _first_sentence(module: Path) -> str:
    text = " ".join((ast.get_docstring(ast.parse(module.read_text())) or "").split())
    return f"{text.partition('. ')[0].rstrip('.;')}."


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
