"""Every command as strangers run it: a sentence and an exit code, never a traceback and never a secret."""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from infra.local import __main__ as door

from .shell import Shell, shell
from .test_local_service import copied

USUAL: Final[dict[str, tuple[str, ...]]] = {
    "candidates": (),
    "dlq": ("list",),
    "evaluate": (),
    "explain": ("1",),
    "export": ("--from", "2026-01-01", "--until", "2026-01-01", "--to", "/dev/null/export.parquet"),
    "forget-user": ("1", "--yes"),
    "goals": (),
    "import-movielens": ("/nowhere",),
    "migrate": (),
    "plan": ("--runs", "2", "--days", "3"),
    "monitor": ("--days", "7"),
    "prune": ("--yes",),
    "rebuild": ("--yes",),
    "rename-arm": ("svd", "other", "--yes"),
    "stats": (),
    "status": (),
    "token": ("--user", "1"),
    "uninstall": (),
    "verify": (),
    "bench": (),
}
"""Options with which a command does its work; the other commands run without end, or need an AWS account."""
IN_AWS: Final[dict[str, tuple[str, ...]]] = {
    "deploy": (),
    "destroy": (),
    "synth": (),
    "smoke": (),
    "remote": ("verify", "--stack", "nowhere"),
}

OUT_OF_AWS: Final = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1", "AWS_CONFIG_FILE": "/nowhere"}

WRONG: Final = [
    ("bench", "nothing"),
    ("demo", "--exit"),
    ("demo", "--port", "99999"),
    ("demo", "--port", "-1"),
    ("demo", "--seed", "-1"),
    ("demo", "--requests", "0"),
    ("demo", "--requests", "many"),
    ("demo", "--movielens", "/nowhere", "--requests", "1"),
    ("dlq", "eat"),
    ("dlq",),
    ("explain", "x"),
    ("explain", "9" * 30),
    ("explain",),
    ("forget-user", "-1", "--yes"),
    ("forget-user", "9" * 30, "--yes"),
    ("forget-user", "1"),
    ("import-movielens",),
    ("monitor", "--days", "0"),
    ("monitor", "--days", "soon"),
    ("monitor", "--html", "/nowhere/report.html"),
    ("prune", "--older-than", "5d", "--yes"),
    ("prune", "--older-than", "9" * 12 + "d", "--yes"),
    ("prune", "--older-than", "soon", "--yes"),
    ("prune",),
    ("rebuild",),
    ("serve", "--port", "99999"),
    ("serve", "--port", "http"),
    ("smoke",),
    ("smoke", "--url", "nowhere"),
    ("smoke", "--url", "file:///etc/hosts"),
    ("smoke", "--url", "http://[::1"),
    ("smoke", "--url", "http://here:port"),
    ("smoke", "--url", "http://127.0.0.1/a b"),
    ("remote", "verify"),
    ("remote", "eat", "--stack", "nowhere"),
    ("evaluate", "--days", "0"),
    ("plan", "--runs", "0"),
    ("plan", "--days", "many"),
    ("token",),
    ("token", "--user", "x"),
    ("token", "--user", "1", "--scope", "service"),
    ("token", "--scope", "evil"),
    ("dmeo",),
]
ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "hunter2"  # noqa: S105 # not one
ADDRESSES: Final = [
    f"postgresql+psycopg2://u:{SECRET}@db/site",
    f"postgresql://u:{SECRET}@127.0.0.1:1/site",
    f"postgresql://u:p@{SECRET}@db/site",
    f"postgresql://u:p/{SECRET}@db/site",
    f"host=db password='{SECRET}",
    f"mysql://u:{SECRET}@db/site",
]


@pytest.fixture(scope="module")
def stranger(open_folder: Callable[[], Path]) -> Iterator[Shell]:
    with shell(copied(open_folder())) as opened:
        yield opened


def rude(said: tuple[int, str, str], codes: set[int]) -> bool:
    """Whether a command ended with a traceback, a secret, another exit code, or in silence."""
    code, out, err = said
    return "Traceback" in out + err or SECRET in out + err or code not in codes or not (out + err).strip()


def test_every_command_is_tried() -> None:
    assert USUAL.keys() | {"demo", "serve", *IN_AWS} == set(door.names())


@pytest.mark.long
def test_with_nothing_running(stranger: Shell) -> None:
    """First in a fresh checkout without a table; then, as its own database was migrated, without a row."""
    for names in (sorted(USUAL.keys() - {"migrate"}), ["migrate"], sorted(USUAL)):
        said = {name: stranger.say(name, *USUAL[name]) for name in names}
        assert {name: one for name, one in said.items() if rude(one, {0, 1})} == {}


@pytest.mark.parametrize("name", sorted(IN_AWS))
def test_without_an_account_of_aws(stranger: Shell, name: str) -> None:
    """The checkout is a copy without its lock file, so that npm has nothing to fetch the CDK by."""
    said = stranger.say(name, *IN_AWS[name], settings={**OUT_OF_AWS, "COLUMNS": "60"})
    assert not rude(said, {1, 2}), said


@pytest.mark.parametrize("words", [("--url", "http://127.0.0.1:1"), ("--url", "nowhere"), ("--stack", "nowhere")])
def test_a_smoke_test_of_what_does_not_answer(stranger: Shell, words: tuple[str, ...]) -> None:
    said = stranger.say("smoke", *words, settings=OUT_OF_AWS)
    assert not rude(said, {1, 2}), said


def test_on_an_empty_database(stranger: Shell, empty_database_url: str) -> None:
    """Without a table of the site or of ours; `migrate` says which of the site's are missing."""
    settings = {"DATABASE_URL": empty_database_url}
    said = {name: stranger.say(name, *USUAL[name], settings=settings) for name in sorted(USUAL)}
    assert {name: one for name, one in said.items() if rude(one, {0, 1})} == {}
    assert said["migrate"][0] == 1


def test_at_sixty_columns(stranger: Shell, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "COLUMNS": "60"}
    said = {name: stranger.say(name, *USUAL[name], settings=settings) for name in USUAL}
    assert {name: one for name, one in said.items() if rude(one, {0, 1}) or "…" in one[1]} == {}


@pytest.mark.parametrize("columns", ["0", "1", "x"])
def test_at_an_odd_width(stranger: Shell, database_url: str, columns: str) -> None:
    settings = {"DATABASE_URL": database_url, "COLUMNS": columns}
    said = {
        name: stranger.say(name, *USUAL[name], settings=settings) for name in ("stats", "status", "verify", "goals")
    }
    assert {name: one for name, one in said.items() if rude(one, {0, 1})} == {}


@pytest.mark.parametrize("queue", ["http://127.0.0.1:1/queue", "nowhere"])
@pytest.mark.parametrize("name", ["dlq", "forget-user"])
def test_a_queue_that_does_not_answer(stranger: Shell, database_url: str, name: str, queue: str) -> None:
    named = {"FEEDBACK_QUEUE_URL": queue, "DEAD_LETTER_QUEUE_URL": queue}
    account = {"AWS_ACCESS_KEY_ID": "here", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_MAX_ATTEMPTS": "1"}
    said = stranger.say(name, *USUAL[name], settings={"DATABASE_URL": database_url, **OUT_OF_AWS, **account, **named})
    assert not rude(said, {1}), said
    assert "SQS could not be asked" in said[2]


def test_where_the_terminal_has_ascii_alone(database_url: str) -> None:
    """`migrate` begins with the guide's own picture; a file may have a name that is not text."""
    for words in (
        ("migrate",),
        ("export", "--from", "2026-01-01", "--until", "2026-01-01", "--to", "/dev/null/\udcff"),
    ):
        run = [sys.executable, "-m", "infra.local", *words]
        settings = {**os.environ, "DATABASE_URL": database_url, "PYTHONIOENCODING": "ascii"}
        asked = subprocess.run(run, check=False, capture_output=True, cwd=ROOT, env=settings, timeout=60)
        assert not rude((asked.returncode, asked.stdout.decode("ascii"), asked.stderr.decode("ascii")), {0, 1}), asked


def test_with_an_option_that_does_not_exist(stranger: Shell) -> None:
    names = set(door.names()) - {"bench", "deploy", "destroy", "synth"}  # their options go to another program
    said = {name: stranger.say(name, *{**USUAL, **IN_AWS}.get(name, ()), "--no-such-option") for name in sorted(names)}
    assert {name: one for name, one in said.items() if rude(one, {2}) or "--no-such-option" not in one[2]} == {}


def options_with_a_value(name: str) -> list[str]:
    parser = argparse.ArgumentParser()
    import_module(f"infra.local.commands.{name.replace('-', '_')}").add_arguments(parser)
    return [one.option_strings[0] for one in parser._actions if one.option_strings and one.nargs != 0]


@pytest.mark.long
@pytest.mark.parametrize("value", ["", "x", "nan", "-1", "9" * 30])
def test_every_option_with_an_odd_value(stranger: Shell, database_url: str, value: str) -> None:
    """Most are refused; a file may have any name."""
    settings = {"DATABASE_URL": database_url, **OUT_OF_AWS}
    usual = {"demo": (), "serve": (), **USUAL, **IN_AWS}
    names = usual.keys() - {"bench", "deploy", "destroy", "synth"}  # their options go to another program
    every = [(name, *usual[name], f"{one}={value}") for name in sorted(names) for one in options_with_a_value(name)]
    assert len(every) > 30
    said = {words: stranger.say(*words, settings=settings) for words in every}
    assert {words: one for words, one in said.items() if rude(one, {0, 1, 2})} == {}


@pytest.mark.parametrize("name", ["deploy", "destroy", "synth"])
def test_what_needs_node_says_so_where_it_is_missing(stranger: Shell, name: str) -> None:
    for options in ((), ("--no-such-option",), ("--", "-c", "environment=prod")):
        said = stranger.say(name, *options, settings={"PATH": "/nowhere", "COLUMNS": "60"})
        assert not rude(said, {1, 2}), said
    assert stranger.say(name, settings={"PATH": "/nowhere"}, reader_gone=True)[0] in {1, 141}


@pytest.mark.parametrize("name", ["demo", "serve"])
def test_what_runs_without_end_refuses_a_taken_port_in_a_sentence(stranger: Shell, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = stranger.say(name, "--port", f"{taken.getsockname()[1]}", settings={"COLUMNS": "60"})
    assert not rude(said, {1}), said
    assert "choose another with --port" in said[2]


@pytest.mark.parametrize("name", sorted(door.names()))
def test_help_fits_sixty_columns(stranger: Shell, name: str) -> None:
    code, out, err = stranger.say(name, "--help", settings={"COLUMNS": "60"})
    assert (code, err) == (0, "")
    options = out.partition("options:")[2].partition("\n\n")[0]  # examples stay on one line, to be copied
    assert all(len(line) <= 60 for line in options.splitlines()), out
    code, _, err = stranger.say(name, "--help", reader_gone=True)
    assert (code in {0, 141}, err) == (True, "")


@pytest.mark.parametrize("name", ["check", "test"])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_on_the_checks_runs_none_of_them(name: str, flag: str) -> None:
    asked = subprocess.run([ROOT / "dev", name, flag], check=False, capture_output=True, text=True, timeout=60)
    assert (asked.returncode, asked.stdout.strip()) == (0, door.OF_THE_DOOR[name])


def test_the_checks_refuse_an_option() -> None:
    asked = subprocess.run([ROOT / "dev", "check", "--fast"], check=False, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 2
    assert "takes no options" in asked.stderr


def test_with_a_wrong_value(stranger: Shell, database_url: str) -> None:
    said = {words: stranger.say(*words, settings={"DATABASE_URL": database_url}) for words in WRONG}
    assert {words: one for words, one in said.items() if rude(one, {1, 2})} == {}


def test_for_a_reader_that_has_gone(stranger: Shell, database_url: str) -> None:
    every = [("help",), ("demo", "--help"), ("serve", "--help"), *((name, *words) for name, words in USUAL.items())]
    settings = {"DATABASE_URL": database_url}
    said = {words: stranger.say(*words, settings=settings, reader_gone=True) for words in every}
    for words in every:
        code, _, err = said[words]
        assert "Traceback" not in err, words
        assert "BrokenPipe" not in err, words
        assert code in {0, 1, 141}, words
    assert said[("help",)] == (141, "", "")


def test_no_secret_is_told(stranger: Shell) -> None:
    for url in ADDRESSES:
        for name in ("verify", "stats", "migrate", "serve"):
            said = stranger.say(name, *USUAL.get(name, ("--port", "0")), settings={"DATABASE_URL": url})
            assert not rude(said, {1, 2}), said
