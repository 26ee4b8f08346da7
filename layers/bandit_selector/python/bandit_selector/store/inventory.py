"""Which tables, views and functions the migrations have made, by their own text. Reads; changes nothing."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from bandit_selector.errors import TableDropped
from bandit_selector.store.connection import Connection

CHANGE: Final = re.compile(
    r"^ *(?P<verb>CREATE(?: OR REPLACE)?|DROP) (?P<kind>TABLE|VIEW|SEQUENCE)(?: IF (?:NOT )?EXISTS)?"
    r" (?P<names>\w+(?:,\s+\w+)*)"
    r"|^ *ALTER TABLE (?P<old>\w+) RENAME TO (?P<new>\w+)",
    re.MULTILINE,
)
FUNCTION: Final = re.compile(r"^ *CREATE (?:OR REPLACE )?(?:FUNCTION|AGGREGATE) (\w+)", re.MULTILINE)
OF_THE_VIEW: Final = ("site_insert", "site_update", "site_delete", "give_keys", "site_clock")


def made() -> dict[str, str]:
    """{name: kind} of every relation that all migrations together leave behind; kinds as DROP names them."""
    known: dict[str, str] = {}
    for change in _changes():
        _follow(known, change)
    return known


def named() -> set[str]:
    """Each name that a migration gives to a relation, also for a while."""
    given = [change["new"] or change["names"] for change in _changes() if change["verb"] != "DROP"]
    return {name for names in given for name in re.split(r",\s+", names)}


def functions() -> list[str]:
    """The name of each function that a migration makes, or the view over a site's table needs."""
    texts = (entry.read_text() for entry in (files("bandit_selector") / "migrations").iterdir())
    return sorted({name for text in texts for name in FUNCTION.findall(text)} | {f"bandit_{it}" for it in OF_THE_VIEW})


def _changes() -> Iterator[re.Match[str]]:
    for entry in sorted((files("bandit_selector") / "migrations").iterdir(), key=lambda entry: entry.name):
        yield from CHANGE.finditer(entry.read_text())


def _follow(known: dict[str, str], change: re.Match[str]) -> None:
    if change["old"]:
        if change["old"] in known:
            known[change["new"]] = known.pop(change["old"])
        return
    for name in re.split(r",\s+", change["names"]):
        if change["verb"] == "DROP":
            known.pop(name, None)
        else:
            known[name] = change["kind"]


def lost(connection: Connection) -> list[str]:
    """The relations that a migrated database lacks."""
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL ORDER BY name", [[*made()]]
    )
    return [name for (name,) in rows]


def check(connection: Connection) -> None:
    """Raises TableDropped if something was dropped by hand."""
    if names := lost(connection):
        raise TableDropped(names)
