"""After the migration of an installation from before lists, nothing is lost and what comes late counts once."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from bandit_selector.feedback import Message
from bandit_selector.store import facts
from bandit_selector.store.connection import Connection
from bandit_selector.store.migrate import migrate
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.retention import forget_user, prune
from bandit_selector.store.verification import first_difference, rebuild

from tests.builders import RULE, Impression, show
from tests.integration.store.former import counts, one, picture, said, silent

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_nothing_is_lost_and_no_figure_moves(former: Connection) -> None:
    before = picture(former)
    migrate(former)
    after = picture(former)
    for name, rows in before.items():
        assert after[name] == rows, name
    assert first_difference(former) is None
    assert rebuild(former) == 0
    assert picture(former) == after


@pytest.mark.parametrize("by_event", [True, False])
def test_a_late_click_on_an_old_impression_converts_it_once(carried: Connection, now: datetime, by_event: bool) -> None:
    shown = silent(carried, now)
    alpha, beta, pulls = counts(carried, shown)
    about = {"event_id": shown.event_id} if by_event else {"movie_id": shown.movie_id}
    click = said(1, shown.user_id, now, "click", **about)
    assert apply(carried, [click], RULE, now).new == 1
    assert apply(carried, [click], RULE, now).new == 0
    assert counts(carried, shown) == (alpha + 1, beta - 1, pulls)
    row = one(carried, "SELECT clicked, clicked_at, outcome FROM recommendation_events WHERE id = %s", shown.event_id)
    assert row == (True, now, "success")
    assert first_difference(carried) is None


def test_a_late_rating_that_is_neutral_leaves_both_counts(carried: Connection, now: datetime) -> None:
    shown = silent(carried, now)
    alpha, beta, pulls = counts(carried, shown)
    apply(carried, [said(1, shown.user_id, now, "rating", event_id=shown.event_id, rating=3.0)], RULE, now)
    assert counts(carried, shown) == (alpha, beta - 1, pulls)
    assert first_difference(carried) is None


def test_a_late_click_in_the_control_group_moves_no_cell(carried: Connection, now: datetime) -> None:
    shown = silent(carried, now, "hybrid_control")
    cells = picture(carried)["learned counts"]
    apply(carried, [said(1, shown.user_id, now, event_id=shown.event_id)], RULE, now)
    assert one(carried, "SELECT outcome FROM recommendation_events WHERE id = %s", shown.event_id) == ("success",)
    assert picture(carried)["learned counts"] == cells
    assert first_difference(carried) is None


def test_messages_of_the_old_log_count_as_known(carried: Connection, now: datetime) -> None:
    rows = carried.execute(
        "SELECT message_id, user_id, movie_id, claimed_event_id, action, rating, occurred_at, received_at"
        " FROM feedback_events WHERE user_id < 2147483648 AND occurred_at > %s::timestamptz - interval '14 days'",
        [now],
    ).fetchall()
    names = ("message_id", "user_id", "movie_id", "event_id", "action", "rating", "occurred_at", "received_at")
    again = [Message.model_validate(dict(zip(names, row, strict=True))) for row in rows]
    before = picture(carried)
    assert {message.message_id.version for message in again} == {4, 7}
    assert apply(carried, again, RULE, now).new == 0
    assert picture(carried) == before


def test_silence_of_old_impressions_ends_once_and_early_feedback_counts(carried: Connection, now: datetime) -> None:
    later = now + 15 * MINUTE
    waiting = [row[0] for row in carried.execute("SELECT list_id FROM bandit_unsettled ORDER BY 1").fetchall()]
    assert settle(carried, now + MINUTE, RULE, later, 4) == 4
    assert first_difference(carried) is None
    assert settle(carried, now + MINUTE, RULE, later, 100) == len(waiting) - 4 == 5
    assert settle(carried, now + MINUTE, RULE, later, 100) == 0
    rows = carried.execute(
        "SELECT id, user_id, clicked, outcome FROM recommendation_events WHERE id = ANY(%s) ORDER BY id", [waiting]
    ).fetchall()
    assert [row[1:] for row in rows if row[3] != "failure"] == [(2, True, "success"), (3, True, "success")]
    assert {row[3] for row in rows} == {"success", "failure"}
    assert first_difference(carried) is None


def test_beyond_the_window_nothing_counts(carried: Connection, now: datetime) -> None:
    shown = silent(carried, now)
    late = now + 8 * DAY
    before = picture(carried)["learned counts"]
    messages = [
        said(1, shown.user_id, late, event_id=shown.event_id),
        said(2, shown.user_id, late, movie_id=shown.movie_id),
    ]
    assert apply(carried, messages, RULE, late).unattributed == 2
    reasons = carried.execute("SELECT reason FROM feedback_events WHERE message_id < %s", [UUID(int=3)]).fetchall()
    assert sorted(reasons) == [("outside_window",), ("unknown_impression",)]
    assert picture(carried)["learned counts"] == before
    assert first_difference(carried) is None


def test_of_an_old_and_a_new_impression_the_newer_one_is_meant(carried: Connection, now: datetime) -> None:
    shown = silent(carried, now)
    new = Impression(1, shown.user_id, shown.movie_id, created_at=now + MINUTE)
    show(carried, [new])
    apply(carried, [said(1, shown.user_id, now + 2 * MINUTE, movie_id=shown.movie_id)], RULE, now)
    assert one(carried, "SELECT event_id FROM feedback_events WHERE message_id = %s", UUID(int=1)) == (new.id,)
    settle(carried, now + 2 * MINUTE, RULE, now + 2 * MINUTE, 100)
    assert first_difference(carried) is None


@pytest.mark.parametrize("settled", [False, True])
def test_a_forgotten_visitor_leaves_no_old_row_but_the_sites_own(
    carried: Connection, now: datetime, settled: bool
) -> None:
    if settled:
        settle(carried, now, RULE, now, 100)
    before = picture(carried)["learned counts"]
    ours = one(carried, "SELECT count(recommendation_id) FROM recommendation_events WHERE user_id = 2")[0]
    assert forget_user(carried, 2, now) == ours > 0
    left = carried.execute("SELECT recommendation_id FROM recommendation_events WHERE user_id = 2").fetchall()
    assert left == [(None,)] * 3
    for query in (b"feedback_events WHERE user_id = 2", b"experiment_visitors WHERE user_id = 2"):
        assert carried.execute(b"SELECT FROM " + query).fetchall() == []
    learned = [row[2:8] for row in picture(carried)["learned counts"]]
    assert learned == [row[2:8] for row in before]
    assert first_difference(carried) is None


def test_pruning_drops_old_rows_and_keeps_what_they_taught(carried: Connection, now: datetime) -> None:
    before = picture(carried)
    midnight = (now - 3 * DAY).replace(hour=0)
    old = [row for row in before["impressions"] if row[18] < midnight]
    list(prune(carried, midnight, lambda _: None))
    after = picture(carried)
    ours = {row[0] for row in old if row[19] is not None}
    assert ours
    assert [row for row in before["impressions"] if row[0] not in ours] == after["impressions"]
    assert after["learned counts"] == before["learned counts"]
    assert after["activity"] == before["activity"]
    assert first_difference(carried) is None


def test_the_report_samples_lists_of_before_too(carried: Connection, now: datetime) -> None:
    shown = carried.execute(
        "SELECT count(DISTINCT recommendation_id), count(*) FROM recommendation_events"
        " WHERE recommendation_id IS NOT NULL"
    ).fetchone()
    sampled = facts.sample_lists(carried, now - timedelta(days=400), now + timedelta(days=1), one_in=1)
    assert (len(sampled), sum(one.places for one in sampled)) == shown
    later = now + timedelta(days=2)
    silent_for = sum(facts.heard(carried, later, timedelta(days=7)).shown_since)
    carried.execute(
        "INSERT INTO recommendation_events (user_id, movie_id, algorithm, recommendation_id, created_at)"
        " VALUES (1, 1, 'bandit_svd', gen_random_uuid(), %s)",
        [later - MINUTE],
    )
    assert sum(facts.heard(carried, later, timedelta(days=7)).shown_since) == silent_for + 1
