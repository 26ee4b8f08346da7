"""What commands print is whole at every width, and names no secret of the team's database."""

import io
from collections.abc import Callable
from dataclasses import asdict, fields

import pytest
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.activity import Cell
from rich.console import Console

from infra.local.demo.printout import show_stats
from infra.local.demo.report import Reconciliation, Report
from infra.local.installation import Addresses
from infra.local.tables import Listing, show

PASSWORD = "hunter2"  # noqa: S105 # not one


def printed(listing: Listing, width: int) -> str:
    return written(width, lambda console: show(listing, console))


def written(width: int, write: Callable[[Console], None]) -> str:
    file = io.StringIO()
    write(Console(file=file, width=width))
    return file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 150, 400])
def test_no_cell_is_cut(width: int) -> None:
    rows = [[f"row-{row}-of-a-long-name", *(f"{row}{column}000/99999" for column in range(8))] for row in range(3)]
    listing = Listing("A table", ["name", *(f"column-{n}" for n in range(8))], rows)
    text = printed(listing, width)
    assert all(cell in text for row in rows for cell in row)
    assert all(column in text for column in listing.columns[1:])
    assert "…" not in text


@pytest.mark.parametrize("width", [60, 80, 150])
def test_statistics_keep_every_context_and_count(width: int) -> None:
    cells = [
        Cell(key, arm, 1.0, 1.0, 0, 123_456, failures, None, None, None)
        for key in CONTEXT_KEYS
        for failures, arm in enumerate(GUIDE_ARMS, start=400_000)
    ]
    report = Report(None, cells, Reconciliation(0, 0, 0, 0, 0), None)
    text = written(width, lambda console: show_stats(report, console))
    assert all(key in text for key in CONTEXT_KEYS)
    assert all(f"123456/{123_456 + n}" in text for n in range(400_000, 400_006))


def test_the_password_of_the_teams_database_is_not_printed() -> None:
    every = {field.name: field.name for field in fields(Addresses)} | {"database": f"postgresql://u:{PASSWORD}@db/site"}
    team = Addresses(**every | {"team_database": True})  # pyright: ignore[reportArgumentType]
    own = Addresses(**every | {"team_database": False})  # pyright: ignore[reportArgumentType]
    assert PASSWORD not in str(team.printed()) + team.printed_database
    assert "host=db" in team.printed()["database"]
    assert own.printed()["database"] == asdict(own)["database"]
