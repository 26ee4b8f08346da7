"""Numbers from a small CSV file that a person has written. Knows no command."""

import csv
from pathlib import Path

from infra.local.errors import LocalError


def numbers(path: Path, *columns: str) -> dict[tuple[str, ...], float]:
    """The number in the last column, by the words in the others; raises LocalError. A byte-order mark is skipped."""
    *words, number = columns
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            return {tuple(row[word] for word in words): float(row[number]) for row in csv.DictReader(lines)}
    except (KeyError, ValueError, OSError) as error:
        raise LocalError(f"{path} needs the columns {', '.join(columns)}; it says {error}.") from None
