"""docs/before-you-ship.md is walked on one database: each command ends well, and says what the page quotes.

Figures differ from run to run; everything else of a quoted line must be in what the command prints.
"""

import csv
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from bandit_selector.feedback import Message, new_message_id
from bandit_selector.services.publish import publish
from bandit_selector.services.ramp import steer
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.shadow_sums import sum_next_day

from functions.select.handler import respond
from tests.e2e.shell import Shell, shell
from tests.integration.activity import live
from tests.integration.events import http_event, load_site

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "before-you-ship.md"
USERS: Final = 300
SHADOW: Final = Settings(bandit="shadow")
STEP: Final = re.compile(
    r"^    \$ (?P<command>[^\n]+)\n(?P<output>(?:    [^$\n][^\n]*\n|\n(?=    [^$]))*)", re.MULTILINE
)
FIGURE: Final = re.compile(r"[-+−]?\d[\d,.:-]*%?")


def steps() -> list[tuple[str, list[str]]]:
    """(command, the lines with words that are quoted of its output), in the order of the page."""
    return [(step["command"], _words(step["output"])) for step in STEP.finditer(PAGE.read_text())]


def _words(output: str) -> list[str]:
    return [line.strip() for line in output.splitlines() if re.search(r"\w", line)]


def blanked(text: str) -> str:
    """Without figures, and with single spaces. A rate that nothing tells yet is a figure, too: chance decides."""
    return " ".join(FIGURE.sub("#", text).split()).replace("│ – │", "│ # % │")


@pytest.fixture
def walker() -> Iterator[Shell]:
    with shell(ROOT) as opened:
        yield opened


def shadowed(connection: Connection, url: str, now: datetime) -> None:
    """Some visits of yesterday with BANDIT=shadow; a twelfth of the movies is clicked."""
    rng = Random(1)
    with closing(Database(lambda: url)) as database:
        for number in range(600):
            user = number % USERS + 1
            at = now - timedelta(hours=30) + timedelta(seconds=number)
            event = http_event({"user_id": str(user), "limit": "20"}, subject=str(user), at=at)
            movies = json.loads(respond(event, SHADOW, database)["body"])
            said = [_click(user, movie, at, rng) for movie in movies if rng.random() < 1 / 12]
            apply(connection, said, Rule.of(SHADOW), at)
    settle(connection, now - timedelta(hours=12), Rule.of(SHADOW), now, 10_000)
    while sum_next_day(connection, now, timedelta(days=21)):
        pass


def _click(user: int, movie: dict[str, Any], at: datetime, rng: Random) -> Message:
    return Message(
        message_id=new_message_id(at, rng),
        action="click",
        user_id=user,
        movie_id=movie["id"],
        event_id=movie["event_id"],
        occurred_at=at,
        received_at=at,
    )


def old_log(file: Path, now: datetime) -> None:
    """A CSV of an old recommendation_events: 28 days of 200 visitors."""
    rng = Random(2)
    with file.open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["user_id", "created_at", "clicked", "algorithm"])
        for number in range(20_000):
            at = now - timedelta(days=28) * (1 - number / 20_000)
            rows.writerow([rng.randrange(1, 200), at.isoformat(), rng.random() < 0.1, "svd"])


@pytest.mark.long
def test_every_step_of_the_walk_does_what_the_page_says(
    walker: Shell, connection: Connection, database_url: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    load_site(connection, users=USERS)
    old_log(tmp_path / "recommendation_events.csv", now)
    state = {"shadow": lambda: shadowed(connection, database_url, now), "live": lambda: _live(connection, now)}
    missing: list[str] = []
    for command, quoted in steps():
        assignments, words = _parsed(command, tmp_path)
        if make := state.pop(assignments.pop("WALK", ""), None):
            make()
        if words[0] == "deploy":
            continue
        code, out, err = walker.say(*words, settings={"DATABASE_URL": database_url, "COLUMNS": "200", **assignments})
        assert code == 0, (command, err)
        said = blanked(out)
        missing += [f"{command}: {line}" for line in quoted if blanked(line) not in said]
    assert not state
    assert missing == []


def _live(connection: Connection, now: datetime) -> None:
    live(connection, now, impressions=6000, days=9)
    publish(connection, Settings())
    steer(connection, Settings(), now)


def _parsed(command: str, folder: Path) -> tuple[dict[str, str], list[str]]:
    """`BANDIT=shadow ./dev stats  # after the shadow` → ({"BANDIT": "shadow", "WALK": "shadow"}, ["stats"])."""
    text, _, said = command.partition("  # ")
    words = shlex.split(text)
    assignments = dict(word.split("=", 1) for word in words[: words.index("./dev")])
    assignments["WALK"] = {"after some days of shadow": "shadow", "after some days of the test": "live"}.get(said, "")
    names = {"recommendation_events.csv", "plan.html"}
    return assignments, [str(folder / word) if word in names else word for word in words[words.index("./dev") + 1 :]]


def test_the_walk_goes_from_an_old_log_to_a_full_ramp() -> None:
    commands = [command for command, _ in steps()]
    kinds = [re.sub(r".*\./dev ", "", command).split()[0] for command in commands]
    assert kinds == ["plan", "deploy", "stats", "goals", "deploy", "stats", "evaluate", "goals", "deploy"]
    assert all(quoted for command, quoted in steps() if "deploy" not in command)
