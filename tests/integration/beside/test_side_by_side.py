"""The old application's own statements beside ours: nothing that it writes is lost, and what it says of ours counts."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any, LiteralString

import psycopg
import pytest
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.inbox import WRONG_ROWS, absorb, number_set_aside
from bandit_selector.store.outcomes import apply, settle, take_turn
from bandit_selector.store.retention import forget_user
from bandit_selector.store.verification import first_difference, rebuild
from psycopg import errors
from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from functions.feedback.settle import absorb_inbox
from tests.builders import KEY, RULE, Impression, message, show
from tests.integration.beside.old_application import Base, Event, engine, feedback, learn, recommend
from tests.integration.store.test_consumer import is_awaited

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
ONE = Impression(1, user_id=7, movie_id=3, created_at=NOW - 2 * MINUTE)


def shown(connection: Connection, event_id: int = ONE.id) -> dict[str, Any]:
    """The view's row of one of our impressions."""
    cursor = connection.execute(
        "SELECT to_jsonb(e) FROM recommendation_events AS e WHERE bandit_event_id = %s", [event_id]
    )
    row = cursor.fetchone()
    assert row is not None
    return row[0]


def reaction(connection: Connection, event_id: int = ONE.id) -> tuple[Any, ...] | None:
    return connection.execute(
        "SELECT clicked_at IS NOT NULL, rating_value, thumbs_up_at IS NOT NULL, thumbs_down_at IS NOT NULL,"
        " added_to_watchlist, added_to_favorites, outcome FROM bandit_reactions WHERE event_id = %s",
        [event_id],
    ).fetchone()


def absorbed(connection: Connection) -> dict[str, Any]:
    """The view's row, which does not change when the inbox is emptied; the invariant holds."""
    before = shown(connection)
    while absorb(connection, RULE, NOW, 10):
        pass
    changed = {name for name, value in shown(connection).items() if value != before[name]}
    assert changed <= {"outcome", "seen"}
    assert first_difference(connection) is None
    return shown(connection)


def test_its_own_rows_are_inserted_changed_and_deleted_as_before(adopted: Connection, application: Session) -> None:
    recommend(application, 7, [3, 4], "svd", key="a" * 40)
    clicked = feedback(application, 7, 3, "click")
    learn(application, "svd", key="a" * 40)
    row = adopted.execute("SELECT id, clicked, clicked_at FROM recommendation_events_site ORDER BY id DESC LIMIT 2")
    assert row.fetchall() == [(2002, False, None), (2001, True, clicked.clicked_at)]
    application.execute(delete(Event).where(Event.id == 2002))
    application.commit()
    assert adopted.execute("SELECT max(id) FROM recommendation_events_site").fetchone() == (2001,)
    assert first_difference(adopted) is None
    assert rebuild(adopted) == 0


def test_an_omitted_or_unset_flag_is_false(adopted: Connection) -> None:
    for statement in (
        "INSERT INTO recommendation_events (user_id, movie_id, algorithm) VALUES (1, 1, 'manual')",
        "INSERT INTO recommendation_events (user_id, movie_id, algorithm, clicked, thumbs_up)"
        " VALUES (1, 1, 'manual', NULL, NULL)",
    ):
        row = adopted.execute(statement + " RETURNING clicked, thumbs_up, created_at IS NOT NULL").fetchone()
        assert row == (False, False, True)


def test_what_it_says_of_our_impression_shows_at_once_and_counts_once(
    adopted: Connection, application: Session
) -> None:
    show(adopted, [ONE])
    for what in ("click", "watchlist", "favorite"):
        feedback(application, 7, 3, what)
    feedback(application, 7, 3, "rating", 4.5)
    row = shown(adopted)
    assert (row["clicked"], row["rating_value"], row["added_to_watchlist"]) == (True, 4.5, True)
    assert reaction(adopted) is None
    assert absorbed(adopted)["outcome"] == "success"
    assert reaction(adopted) == (True, 4.5, False, False, True, True, "success")
    assert absorb(adopted, RULE, NOW, 10) == 0
    settle(adopted, NOW, RULE, NOW, 10)
    assert first_difference(adopted) is None
    assert adopted.execute("SELECT total_pulls, alpha FROM bandit_states WHERE context_key = %s", [KEY]).fetchall() == [
        (1, 2)
    ]


def test_a_thumb_that_is_taken_back_is_no_outcome_until_silence_is(adopted: Connection, application: Session) -> None:
    show(adopted, [ONE])
    feedback(application, 7, 3, "up")
    assert absorbed(adopted)["outcome"] == "success"
    feedback(application, 7, 3, "up")
    row = absorbed(adopted)
    assert (row["thumbs_up"], row["thumbs_up_at"], row["outcome"]) == (False, None, None)
    settle(adopted, NOW, RULE, NOW, 10)
    assert shown(adopted)["outcome"] == "failure"
    assert first_difference(adopted) is None


def test_the_newest_word_wins_whoever_said_it(adopted: Connection, application: Session) -> None:
    show(adopted, [ONE])
    ahead = NOW + 5 * MINUTE  # a visitor whose clock is ahead of the site's
    apply(
        adopted, [message(1, "thumbs_up", ahead, 7, event_id=ONE.id).model_copy(update={"received_at": NOW})], RULE, NOW
    )
    feedback(application, 7, 3, "down")
    absorb(adopted, RULE, NOW, 10)
    assert shown(adopted)["thumbs_down"] is True
    assert first_difference(adopted) is None
    assert reaction(adopted) == (False, None, False, True, False, False, "failure")


def test_beyond_the_window_its_words_stay_visible_and_do_not_count(adopted: Connection, application: Session) -> None:
    old = Impression(2, user_id=8, movie_id=3, created_at=NOW - timedelta(days=9))
    show(adopted, [old])
    adopted.execute("DELETE FROM recommendation_events_site WHERE user_id = 8")
    feedback(application, 8, 3, "click")
    before = shown(adopted, old.id)
    assert before["clicked"] is True
    assert absorb(adopted, RULE, NOW, 10) == 1
    assert absorb(adopted, RULE, NOW, 10) == 0
    assert shown(adopted, old.id) == before
    assert adopted.execute("SELECT reason FROM feedback_events").fetchall() == [("outside_window",)]
    assert first_difference(adopted) is None


@pytest.mark.parametrize("value", ["NaN", "1e300", "-3"])
def test_a_rating_that_is_none_stays_visible_and_does_not_count(adopted: Connection, value: str) -> None:
    show(adopted, [ONE])
    adopted.execute(
        "UPDATE recommendation_events SET rated = true, rating_value = %s::float8 WHERE user_id = 7 AND movie_id = 3"
        " AND bandit_event_id IS NOT NULL",
        [value],
    )
    before = shown(adopted)
    assert float(before["rating_value"]) == pytest.approx(float(value), nan_ok=True)
    assert absorbed(adopted)["rated"] is True
    assert adopted.execute("SELECT count(*) FROM feedback_events").fetchone() == (0,)


def test_its_retention_deletes_leave_what_was_learned(adopted: Connection, application: Session) -> None:
    show(adopted, [ONE])
    feedback(application, 7, 3, "click")
    absorb(adopted, RULE, NOW, 10)
    settle(adopted, NOW, RULE, NOW, 10)
    cells = adopted.execute("SELECT * FROM bandit_states ORDER BY id").fetchall()
    application.execute(delete(Event))
    application.commit()
    assert adopted.execute("SELECT count(*) FROM recommendation_events").fetchone() == (0,)
    assert adopted.execute("SELECT count(*) FROM recommendation_events_site").fetchone() == (0,)
    assert adopted.execute("SELECT * FROM bandit_states ORDER BY id").fetchall() == cells
    assert first_difference(adopted) is None
    assert rebuild(adopted) == 0


def test_what_we_recorded_cannot_be_rewritten(adopted: Connection) -> None:
    show(adopted, [ONE])
    with pytest.raises(errors.FeatureNotSupported, match=r"Column user_id of row \d+ of recommendation_events"):
        adopted.execute("UPDATE recommendation_events SET user_id = 9 WHERE bandit_event_id = %s", [ONE.id])


def test_two_statements_that_change_different_columns_do_not_undo_each_other(
    adopted: Connection, adopted_url: str
) -> None:
    with psycopg.connect(adopted_url) as first, psycopg.connect(adopted_url) as second:
        second.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        first.execute("UPDATE recommendation_events SET added_to_watchlist = NOT added_to_watchlist WHERE id = 5")
        before = second.execute("SELECT added_to_watchlist FROM recommendation_events WHERE id = 5").fetchone()
        first.commit()
        second.execute("UPDATE recommendation_events SET clicked = NOT clicked WHERE id = 5")
        second.commit()
    assert before is not None
    row = adopted.execute("SELECT added_to_watchlist FROM recommendation_events WHERE id = 5").fetchone()
    assert row == (not before[0],)


def test_a_forgotten_visitor_leaves_neither_keys_nor_words(adopted: Connection, application: Session) -> None:
    show(adopted, [ONE])
    feedback(application, 7, 3, "click")
    assert forget_user(adopted, 7, NOW) == 1
    left = "SELECT (SELECT count(*) FROM bandit_keys) + (SELECT count(*) FROM bandit_inbox)"
    assert adopted.execute(left).fetchone() == (0,)
    assert first_difference(adopted) is None


def test_a_visitor_is_forgotten_while_what_the_site_said_of_them_is_being_counted(
    adopted: Connection, adopted_url: str, application: Session
) -> None:
    show(adopted, [ONE])
    feedback(application, 7, 3, "click")
    opened = [closing(connect(adopted_url)) for _ in range(3)]
    with opened[0] as holder, opened[1] as forgetting, opened[2] as absorbing, ThreadPoolExecutor(2) as pool:
        with holder.transaction():
            take_turn(holder, alone=False)  # as a consumer does
            forgotten = pool.submit(forget_user, forgetting, 7, NOW)
            while not is_awaited(adopted):
                assert not forgotten.done()
            heard = pool.submit(absorb, absorbing, RULE, NOW, 10)
            sleep(0.2)
        assert (forgotten.result(30), heard.result(30)) == (1, 0)
    assert adopted.execute("SELECT message_id FROM feedback_events").fetchall() == []
    assert first_difference(adopted) is None


def test_a_statement_that_changes_nothing_leaves_nothing(adopted: Connection) -> None:
    """ORMs write whole rows; here every column is set to what it is."""
    show(adopted, [ONE])
    adopted.execute("UPDATE recommendation_events SET clicked = clicked, thumbs_up = false, rating_value = NULL")
    assert adopted.execute("SELECT count(*) FROM bandit_inbox").fetchone() == (0,)
    adopted.execute("UPDATE recommendation_events SET clicked = true")
    adopted.execute("UPDATE recommendation_events SET clicked = true")
    assert adopted.execute("SELECT count(*) FROM bandit_inbox WHERE pending AND clicked").fetchone() == (1,)


def test_its_startup_migration_meets_the_view(adopted_url: str, application: Session) -> None:
    opened = engine(adopted_url)
    Base.metadata.create_all(opened)  # finds both names
    opened.dispose()
    application.execute(text("CREATE TABLE IF NOT EXISTS recommendation_events (id int)"))
    application.commit()
    for statement, said in (
        ("ALTER TABLE recommendation_events ADD COLUMN IF NOT EXISTS dwell_ms int", "ADD COLUMN"),
        (
            "CREATE INDEX IF NOT EXISTS idx_rec_events_user ON recommendation_events (user_id)",
            "create index|not a table",
        ),
    ):
        with pytest.raises(Exception, match=said):
            application.execute(text(statement))
        application.rollback()


def test_a_row_that_always_fails_is_set_aside_and_holds_up_no_other(adopted: Connection, adopted_url: str) -> None:
    """A rating at the last moment that PostgreSQL knows: the next one could not be later."""
    other = Impression(2, user_id=8, movie_id=30, created_at=NOW - MINUTE)
    show(adopted, [ONE, other])
    rate: LiteralString = (
        "UPDATE recommendation_events SET rated = true, rating_value = %s, rated_at = '294276-12-31 23:59:59.999999'"
        " WHERE bandit_event_id = %s"
    )
    adopted.execute(rate, [5, ONE.id])
    absorb(adopted, RULE, NOW, 10)
    adopted.execute(rate, [1, ONE.id])
    adopted.execute("UPDATE recommendation_events SET clicked = true WHERE bandit_event_id = %s", [other.id])
    with pytest.raises(WRONG_ROWS):
        absorb(adopted, RULE, NOW, 10)
    with closing(Database(lambda: adopted_url)) as database:
        absorb_inbox(NOW, Settings(), database, lambda: True)
    assert reaction(adopted, other.id) == (True, None, False, False, False, False, "success")
    refused = adopted.execute("SELECT event_id, refused FROM bandit_inbox WHERE NOT pending").fetchall()
    assert refused == [(ONE.id, "timestamp out of range")]
    assert number_set_aside(adopted) == 1
    assert shown(adopted)["rating_value"] == 1
    assert first_difference(adopted) is None
    adopted.execute("UPDATE recommendation_events SET clicked = true WHERE bandit_event_id = %s", [ONE.id])
    # what is said afterwards is tried again, and fails by the same part
    with closing(Database(lambda: adopted_url)) as database:
        absorb_inbox(NOW, Settings(), database, lambda: True)
    assert number_set_aside(adopted) == 1
    assert shown(adopted)["clicked"] is True


def test_what_the_view_takes_and_what_it_refuses(adopted: Connection, adopted_url: str) -> None:
    """docs/adopting.md has this list."""
    few: LiteralString = (
        "INSERT INTO recommendation_events (id, user_id, movie_id, algorithm) VALUES (%s, 1, 1, 'manual')"
    )
    conflicting: LiteralString = few + " ON CONFLICT DO NOTHING"
    assert adopted.execute(conflicting, [9_001]).rowcount == 1
    with pytest.raises(errors.UniqueViolation):
        adopted.execute(conflicting, [9_001])
    with pytest.raises(errors.InvalidColumnReference):
        adopted.execute(few + " ON CONFLICT (id) DO NOTHING", [9_001])
    for statement in ("TRUNCATE recommendation_events", "DROP TABLE recommendation_events"):
        with pytest.raises(errors.WrongObjectType):
            adopted.execute(statement.encode())
    with adopted.cursor().copy("COPY recommendation_events (user_id, movie_id, algorithm) FROM STDIN") as copy:
        copy.write_row((1, 2, "manual"))
    assert adopted.execute("SELECT count(*) FROM recommendation_events_site").fetchone() == (2_002,)
    with adopted.transaction(), psycopg.connect(adopted_url, autocommit=True) as other:
        assert adopted.execute("SELECT id FROM recommendation_events WHERE id = 5 FOR UPDATE").fetchall() == [(5,)]
        other.execute("SELECT id FROM recommendation_events_site WHERE id = 5 FOR UPDATE NOWAIT")
