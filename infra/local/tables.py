"""Tables for people: whole at every width, in a pipe too. Must not know what a row means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shutil import get_terminal_size
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNBOUNDED: Final = 100_000  # columns, to ask how wide a table would be
PIPE_WIDTH: Final = 150  # columns where no terminal has a width of its own


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of text under columns; the first column names the row. A cell may have rich's markup."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def console() -> Console:
    """Standard output, as wide as COLUMNS or the terminal say, else PIPE_WIDTH; a width of 0 says nothing."""
    return Console(width=get_terminal_size((PIPE_WIDTH, 0)).columns)


def show(listing: Listing, to: Console) -> None:
    """Prints a table, or, where that is wider than the console, one short line for each cell."""
    table = _table(listing)
    needed = to.measure(table, options=to.options.update(max_width=UNBOUNDED)).maximum
    if needed <= to.width:
        to.print(table)
        return
    to.print(Text(listing.title, style="italic"))
    for line in _lines(listing):
        to.print(line, soft_wrap=True)


def _table(listing: Listing) -> Table:
    table = Table(title=listing.title or None, row_styles=["", "dim"])
    for place, column in enumerate(listing.columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    for row in listing.rows:
        table.add_row(*row)
    return table


def _lines(listing: Listing) -> Iterable[Text]:
    width = max((len(column) for column in listing.columns[1:]), default=0)
    for name, *cells in listing.rows:
        yield Text.from_markup(name, style="bold")
        for column, cell in zip(listing.columns[1:], cells, strict=True):
            yield Text.from_markup(f"  {column:<{width}}  {cell or '–'}")
