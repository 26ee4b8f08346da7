"""docs/archive.md names every column of the archive, in order, with its type."""

import re
from pathlib import Path
from typing import Final

import pytest
from bandit_selector.store.archives import COLUMNS

from infra.archive import GLUE_TYPES
from infra.service import FUNCTIONS, Function

TEXT: Final = (Path(__file__).parents[2] / "docs" / "archive.md").read_text()


def test_the_columns_are_the_codes() -> None:
    table = TEXT.partition("\n## Columns\n")[2].partition("\n## ")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| ([A-Z]+) \|", table, re.MULTILINE)) == COLUMNS
    assert list(re.findall(r"^\| `(\w+)` \| [A-Z]+ \|", table, re.MULTILINE)) == list(COLUMNS)


def test_athena_has_a_type_for_every_column() -> None:
    assert set(COLUMNS.values()) <= set(GLUE_TYPES)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda it: it.name)
def test_a_function_that_knows_one_window_knows_the_other(function: Function) -> None:
    settings = set(function.settings)
    assert len(settings & {"ATTRIBUTION_WINDOW", "KEEP_EVENTS"}) in (0, 2)
