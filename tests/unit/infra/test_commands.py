"""./dev: its list of commands, and its refusals."""

import argparse

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
