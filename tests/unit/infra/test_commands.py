"""./dev: its list of commands, and its refusals."""

import argparse
import re
import shlex
from importlib import import_module

import pytest

from infra.local import __main__ as door
from infra.local.commands import bench


def test_every_command_says_in_one_line_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["help"]) == 0
    listed = capsys.readouterr().out
    for name in [*door.names(), "test", "check"]:
        line = next(line for line in listed.splitlines() if line.split()[:1] == [name])
        assert line.endswith(".")
        assert len(line) < 160


@pytest.mark.parametrize("name", door.names())
def test_every_command_explains_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        door.main([name, "--help"])
    assert ended.value.code == 0
    assert f"./dev {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", door.names())
def test_every_command_has_examples_that_it_understands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        door.main([name, "--help"])
    examples = re.findall(rf"^  .*?\./dev {name}\b ?(.*?)(?:\)|   .*)?$", capsys.readouterr().out, re.MULTILINE)
    assert examples
    parser = argparse.ArgumentParser()
    import_module(f"infra.local.commands.{name.replace('-', '_')}").add_arguments(parser)
    for words in examples:
        parser.parse_args(shlex.split(words))  # ends the test where it refuses one


@pytest.mark.parametrize("name", ["goals", "plan", "evaluate"])
def test_help_with_examples_is_wrapped_too(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        door.main([name, "--help"])
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines() if not line.startswith("  ")) <= 60


def test_a_command_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["dmeo"]) == 2
    assert "'dmeo'" in capsys.readouterr().err


def test_a_wrong_option_ends_with_two() -> None:
    with pytest.raises(SystemExit) as ended:
        door.main(["bench", "--no-such-option"])
    assert ended.value.code == 2


def test_a_benchmark_that_does_not_exist_lists_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run(argparse.Namespace(name="nothing", options=[])) == 2
    assert capsys.readouterr().out.startswith("Benchmarks: ")
