"""Any interleaving of the old application's statements and our messages ends in the same tables."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString, TypeAlias

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection
from bandit_selector.store.inbox import absorb
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.verification import first_difference, rebuild
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import KEY, RULE, Impression, message, show, truncate
from tests.integration.store.test_exactly_once import SAME_DATABASE

NOW: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
TIME: LiteralString = "clock_timestamp() AT TIME ZONE 'UTC'"
SETS: dict[str, LiteralString] = {
    "click": f"clicked = true, clicked_at = {TIME}",
    "click_off": "clicked = false, clicked_at = NULL",
    "rate_5": f"rated = true, rating_value = 5, rated_at = {TIME}",
    "rate_3": f"rated = true, rating_value = 3, rated_at = {TIME}",
    "rate_1": f"rated = true, rating_value = 1, rated_at = {TIME}",
    "rate_off": "rated = false, rating_value = NULL, rated_at = NULL",
    "up": f"thumbs_up = true, thumbs_up_at = {TIME}, thumbs_down = false",
    "down": f"thumbs_down = true, thumbs_down_at = {TIME}, thumbs_up = false",
    "thumb_off": "thumbs_up = false, thumbs_up_at = NULL, thumbs_down = false, thumbs_down_at = NULL",
    "watch": "added_to_watchlist = true",
    "watch_off": "added_to_watchlist = false",
}
PART: Final = {"click": "click", "rate": "rate", "up": "thumb", "down": "thumb", "thumb": "thumb", "watch": "watch"}
Row: TypeAlias = tuple[bool, float | None, bool, bool, bool, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One UPDATE of the old application, of one impression by its id or by its user and movie."""

    event_id: int
    word: str

    @property
    def part(self) -> str:
        return PART[self.word.partition("_")[0]]


@dataclass(frozen=True, slots=True)
class Story:
    impressions: tuple[Impression, ...]
    messages: tuple[Message, ...]
    statements: tuple[Statement, ...]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Lists of an hour ago, feedback since, and statements of now. What was not said is not taken back."""
    impressions = tuple(
        Impression(number, user_id=number, movie_id=place, created_at=NOW + number * MINUTE, place=place)
        for number in range(1, draw(st.integers(1, 2)) + 1)
        for place in range(1, draw(st.integers(1, 2)) + 1)
    )
    chosen = st.sampled_from(impressions)
    messages = [draw(_message(number, draw(chosen))) for number in range(1, draw(st.integers(0, 5)) + 1)]
    statements: list[Statement] = []
    for _ in range(draw(st.integers(0, 6))):
        one = Statement(draw(chosen).id, draw(st.sampled_from([*SETS])))
        said = any(other.event_id == one.event_id and other.part == one.part for other in statements)
        if said or not one.word.endswith("_off"):
            statements.append(one)
    return Story(impressions, tuple(messages), tuple(statements))


@st.composite
def _message(draw: st.DrawFn, number: int, shown: Impression) -> Message:
    action = draw(st.sampled_from(("click", "rating", "thumbs_up", "thumbs_down", "thumbs_off")))
    rating = {"rating": draw(st.sampled_from((1.0, 3.0, 5.0)))} if action == "rating" else {}
    at = NOW + draw(st.integers(10, 40)) * MINUTE
    return message(number, action, at, shown.user_id, event_id=shown.id, **rating)


def truth(story: Story) -> tuple[dict[int, Row], tuple[int, int, int]]:
    """Each impression's row, and the cell's (pulls, successes, failures), by the rules in words."""
    rows = {one.id: _row(one, story) for one in story.impressions}
    outcomes = [row[-1] for row in rows.values()]
    return rows, (len(outcomes), outcomes.count("success"), outcomes.count("failure"))


def _row(shown: Impression, story: Story) -> Row:
    """What the application said last of a part is newer than every message about it."""
    last: dict[str, str] = {}
    for statement in story.statements:
        if statement.event_id == shown.id:
            last[statement.part] = statement.word
    heard: dict[str, list[Message]] = defaultdict(list)
    for one in sorted(story.messages, key=lambda one: (one.occurred_at, one.message_id)):
        if one.event_id == shown.id:
            heard[one.action.partition("_")[0]].append(one)
    clicked = last["click"] == "click" if "click" in last else bool(heard["click"])
    rating = heard["rating"][-1].rating if heard["rating"] else None
    if "rate" in last:
        rating = {"rate_5": 5.0, "rate_3": 3.0, "rate_1": 1.0}.get(last["rate"])
    thumb = heard["thumbs"][-1].action.removeprefix("thumbs_") if heard["thumbs"] else "off"
    thumb = last["thumb"].removeprefix("thumb_") if "thumb" in last else thumb
    outcome = "failure" if rating is None else "neutral"
    if clicked or thumb == "up" or rating == 5:
        outcome = "success"
    if thumb == "down" or rating == 1:
        outcome = "failure"
    return clicked, rating, thumb == "up", thumb == "down", last.get("watch") == "watch", outcome


def tables(connection: Connection) -> tuple[dict[int, Row], tuple[int, int, int]]:
    rows = connection.execute(
        "SELECT bandit_event_id, clicked, rating_value, thumbs_up, thumbs_down, added_to_watchlist, outcome"
        " FROM recommendation_events WHERE bandit_event_id IS NOT NULL"
    ).fetchall()
    cell = connection.execute(
        "SELECT total_pulls, total_successes, total_failures FROM bandit_states WHERE context_key = %s", [KEY]
    ).fetchone()
    assert cell is not None
    return {event_id: tuple(row) for event_id, *row in rows}, (cell[0], cell[1], cell[2])


def say(connection: Connection, statement: Statement) -> None:
    done = connection.execute(
        "UPDATE recommendation_events SET " + SETS[statement.word] + " WHERE id ="  # noqa: S608 # of the constants above
        " (SELECT id FROM recommendation_events WHERE bandit_event_id = %s)",
        [statement.event_id],
    )
    assert done.rowcount == 1


def interleaved(data: st.DataObject, story: Story) -> Sequence[Message | Statement]:
    """Messages in any order, some twice, among the statements, which are one process's and keep their order."""
    again = data.draw(st.lists(st.sampled_from(story.messages), max_size=2)) if story.messages else []
    heard = list(data.draw(st.permutations([*story.messages, *again])))
    said = list(story.statements)
    merged: list[Message | Statement] = []
    while heard or said:
        merged.append(said.pop(0) if said and (not heard or data.draw(st.booleans())) else heard.pop())
    return merged


@settings(SAME_DATABASE, max_examples=40)
@given(story=stories(), data=st.data())
def test_any_interleaving_ends_in_the_same_tables(adopted: Connection, story: Story, data: st.DataObject) -> None:
    truncate(adopted)
    adopted.execute("TRUNCATE bandit_keys, bandit_inbox")
    show(adopted, story.impressions)
    later = datetime.now(UTC)
    for step in interleaved(data, story):
        if isinstance(step, Statement):
            say(adopted, step)
        else:
            apply(adopted, [step], RULE, later)
        match data.draw(st.integers(0, 5)):
            case 0:
                absorb(adopted, RULE, later, 1)
            case 1:
                settle(adopted, later, RULE, later, 1)
            case _:
                pass
    before = {event_id: row[:-1] for event_id, row in _visible(adopted).items()}
    while absorb(adopted, RULE, later, 2):
        pass
    while settle(adopted, later, RULE, later, 2):
        pass
    assert {event_id: row[:-1] for event_id, row in _visible(adopted).items()} == before  # nothing was turned
    assert tables(adopted) == truth(story)
    assert adopted.execute("SELECT count(*) FROM bandit_inbox").fetchone() == (0,)
    assert first_difference(adopted) is None
    assert rebuild(adopted) == 0


def _visible(connection: Connection) -> dict[int, tuple[object, ...]]:
    rows = connection.execute(
        "SELECT bandit_event_id, clicked, clicked_at, rated, rating_value, rated_at, thumbs_up, thumbs_up_at,"
        " thumbs_down, thumbs_down_at, added_to_watchlist, outcome FROM recommendation_events"
        " WHERE bandit_event_id IS NOT NULL"
    )
    return {event_id: tuple(row) for event_id, *row in rows}
