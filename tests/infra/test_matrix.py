"""Every documented key of the context, in changing company: accepted, synthesised, ordered as CloudFormation would."""

import re
from pathlib import Path

import pytest
from bandit_selector.settings import Settings

from infra.configuration import Configuration, read_configuration
from infra.packaging import ROOT

from . import matrix
from .ordering import unordered
from .synthesised import Synthesised

ROWS = matrix.rows()


def test_the_matrix_has_every_key_of_the_handbook_and_every_value_of_its_axes() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().partition("### What can be set")[2].partition("\n### ")[0]
    documented = {key for line in table.splitlines() if line.startswith("| `") for key in _keys(line)}
    used = {key for row in ROWS for key in row}
    assert documented - {name.upper() for name in Settings.model_fields} <= used
    assert set(Configuration.model_fields) - {"settings"} <= used
    assert all(any(value.items() <= row.items() for row in ROWS) for axis in matrix.AXES.values() for value in axis)


def _keys(line: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", line.split("|")[1])


def test_every_two_values_of_two_axes_are_accepted_together() -> None:
    """As the command line gives them: all as text."""
    for context in matrix.pairs():
        assert read_configuration(context).environment == context["environment"]


@pytest.mark.long
@pytest.mark.parametrize("row", range(len(ROWS)))
def test_a_deployment_of_the_matrix_is_synthesised_and_can_be_made(row: int, tmp_path: Path) -> None:
    from .synthesis import synthesise_context

    made: Synthesised = synthesise_context(ROWS[row], tmp_path)
    assert made.violations == []
    for name, stack in made.stacks.items():
        assert unordered(stack) == "", name
