"""Functions of the version before lists, run during its migration, lose nothing; a failed migration goes on later."""

import threading
from datetime import datetime, timedelta

import psycopg
import pytest
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate, steps
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.verification import first_difference

from tests.builders import RULE
from tests.integration.store.former import (
    REATTRIBUTE,
    RECORD_MESSAGES,
    Shown,
    counts,
    old_list,
    one,
    picture,
    said,
    silent,
)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_a_list_that_an_old_function_records_can_be_clicked_and_settled(carried: Connection, now: datetime) -> None:
    shown_at = now + 2 * DAY  # on a day whose sums would be recomputed from lists alone
    newest = one(carried, "SELECT max(id) FROM recommendation_events")[0]
    first, second = old_list(carried, shown_at)
    assert (first, second) == (newest + 1, newest + 2)
    apply(carried, [said(1, 1, shown_at + MINUTE, event_id=first)], RULE, shown_at)
    apply(carried, [said(2, 1, shown_at + MINUTE, "thumbs_down", movie_id=4)], RULE, shown_at)
    settle(carried, shown_at + MINUTE, RULE, shown_at + 10 * MINUTE, 100)
    rows = carried.execute(
        "SELECT movie_id, position, algorithm, propensity, outcome, settled_at IS NULL FROM recommendation_events"
        " WHERE id > %s ORDER BY id",
        [newest],
    ).fetchall()
    assert rows == [(3, 1, "bandit_svd", 0.5, "success", False), (4, 2, "bandit_graph", 0.5, "failure", False)]
    assert counts(carried, Shown(first, 1, 3, "night|weekday|regular", "svd")) == (2, 1, 1)
    assert first_difference(carried) is None


def test_a_list_recorded_while_the_migration_runs_is_not_lost(former: Connection, now: datetime) -> None:
    """The migration waits for a function that has recorded and not committed; one that comes later waits for it."""
    with connect(former.info.dsn + f" password={former.info.password}") as other:
        other.execute("BEGIN")
        early = old_list(other, now)
        migration = threading.Thread(target=migrate, args=[former])
        migration.start()
        migration.join(0.3)
        assert migration.is_alive()
        other.execute("COMMIT")
        late = old_list(other, now, user=2)
        migration.join()
        waiting = [row[0] for row in other.execute("SELECT list_id FROM bandit_unsettled").fetchall()]
        assert {*early, *late} <= set(waiting)
        assert settle(other, now + MINUTE, RULE, now + MINUTE, 100) == len(waiting)
        assert first_difference(other) is None


def test_a_long_reader_holds_up_the_migration_and_nobody_else(former: Connection, now: datetime) -> None:
    password = f" password={former.info.password}"
    with connect(former.info.dsn + password) as reader, connect(former.info.dsn + password) as other:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM recommendation_events")
        migration = threading.Thread(target=migrate, args=[former])
        migration.start()
        migration.join(0.5)
        other.execute("SET statement_timeout = '3s'")
        assert len(old_list(other, now)) == 2  # queues behind the migration for a second at most
        assert migration.is_alive()
        reader.execute("COMMIT")
        migration.join()
        assert first_difference(other) is None


def test_the_former_consumer_and_settle_fail_and_change_nothing(carried: Connection, now: datetime) -> None:
    shown = silent(carried, now)
    messages = f"[{said(1, shown.user_id, now, event_id=shown.event_id).model_dump_json()}]"
    before = picture(carried)
    for statement in (RECORD_MESSAGES, REATTRIBUTE):
        with pytest.raises(psycopg.Error):
            carried.execute(
                statement.encode(), {"messages": messages, "window": RULE.window, "impressions": [shown.event_id]}
            )
    assert picture(carried) == before


def test_ids_that_could_meet_stop_the_migration_before_anything_changes(former: Connection, now: datetime) -> None:
    former.execute("UPDATE recommendation_events SET id = 1::bigint << 40 WHERE id = 1")
    with pytest.raises(psycopg.errors.RaiseException, match=r"ids of 2\^40 and more.*renumber them"):
        migrate(former)
    former.execute(
        RECORD_MESSAGES.encode(), {"messages": f"[{said(1, 1, now, movie_id=1).model_dump_json()}]", "window": DAY}
    )
    former.execute("UPDATE recommendation_events SET id = 1 WHERE id = 1::bigint << 40")
    assert migrate(former) == steps()[6:]


def test_a_step_that_fails_keeps_the_steps_before_it(former: Connection, now: datetime) -> None:
    former.execute("CREATE TABLE bandit_carried_over ()")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(former)
    done = former.execute("SELECT name FROM bandit_migrations ORDER BY name").fetchall()
    assert [name for (name,) in done] == steps()[:8]
    assert len(old_list(former, now)) == 2  # the service goes on
    former.execute("DROP TABLE bandit_carried_over")
    assert migrate(former) == steps()[8:]
    assert first_difference(former) is None
