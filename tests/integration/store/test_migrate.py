"""Migrations of an empty database and of an installation of the guide's application."""

import threading
from datetime import datetime

import pytest
from bandit_selector.store.connection import connect
from bandit_selector.store.migrate import migrate, steps
from bandit_selector.store.verification import first_difference

GUIDE_INSTALLATION = """
CREATE TABLE bandit_states (
    id serial PRIMARY KEY, context_key varchar(200) NOT NULL, algorithm varchar(50) NOT NULL,
    alpha float NOT NULL DEFAULT 1.0, beta float NOT NULL DEFAULT 1.0,
    total_pulls integer DEFAULT 0, total_successes integer DEFAULT 0, total_failures integer DEFAULT 0,
    created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now());
CREATE INDEX idx_bandit_context ON bandit_states (context_key);
CREATE INDEX idx_bandit_algo ON bandit_states (algorithm);
CREATE UNIQUE INDEX idx_bandit_context_algo ON bandit_states (context_key, algorithm);
CREATE TABLE recommendation_events (
    id serial PRIMARY KEY, user_id integer NOT NULL, movie_id integer NOT NULL, algorithm varchar(50) NOT NULL,
    recommendation_score float, position int, context json,
    clicked boolean DEFAULT false, clicked_at timestamp, rated boolean, rated_at timestamp, rating_value float,
    added_to_watchlist boolean, added_to_favorites boolean,
    thumbs_up boolean, thumbs_up_at timestamp, thumbs_down boolean, thumbs_down_at timestamp,
    created_at timestamp NOT NULL);
CREATE INDEX idx_rec_events_clicked ON recommendation_events (clicked);
INSERT INTO bandit_states (context_key, algorithm, alpha, beta, total_pulls, total_successes, total_failures)
VALUES ('0123456789abcdef0123456789abcdef01234567', 'svd', 9, 4, 12, 8, 3);
INSERT INTO recommendation_events (user_id, movie_id, algorithm, context, clicked, created_at)
VALUES (1, 550, 'bandit_svd', '{"time_period": "evening"}', true, '2025-10-11 20:00');
"""


def test_an_empty_database_gets_every_table_once(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        assert migrate(connection) == steps()
        assert migrate(connection) == []


def test_a_site_keeps_its_rows_and_its_types(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        connection.execute(GUIDE_INSTALLATION)
        types = (
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND attname <> 'id' ORDER BY attnum"
        )
        before = {
            table: connection.execute(types, [table]).fetchall() for table in ("bandit_states", "recommendation_events")
        }
        file = connection.execute("SELECT pg_relation_filenode('recommendation_events')").fetchone()
        assert migrate(connection) == [*steps(), "the view recommendation_events"]
        assert connection.execute("SELECT pg_relation_filenode('recommendation_events_site')").fetchone() == file
        for table, columns in before.items():
            shown = connection.execute(types, [table]).fetchall()
            assert [column[:2] for column in shown[: len(columns)]] == [column[:2] for column in columns]
        state = connection.execute("SELECT alpha, beta, total_pulls, archived_pulls FROM bandit_states").fetchone()
        event = connection.execute(
            "SELECT movie_id, clicked, rated, context->>'time_period', created_at FROM recommendation_events"
        ).fetchone()
        assert first_difference(connection) is None
    assert state == (9, 4, 12, 0)
    assert event == (550, True, None, "evening", datetime(2025, 10, 11, 20))  # noqa: DTZ001 # the site's type


def test_two_deployments_at_once_migrate_once(empty_database_url: str) -> None:
    applied: list[list[str]] = []

    def deploy() -> None:
        with connect(empty_database_url) as connection:
            applied.append(migrate(connection))

    deployments = [threading.Thread(target=deploy) for _ in range(3)]
    for deployment in deployments:
        deployment.start()
    for deployment in deployments:
        deployment.join()
    assert sorted(applied) == [[], [], steps()]


@pytest.mark.parametrize(
    ("clicked", "rating", "up", "down", "outcome"),
    [
        (False, None, False, False, None),
        (True, None, False, False, "success"),
        (False, 4.0, False, False, "success"),
        (False, None, True, False, "success"),
        (False, 3.0, False, False, "neutral"),
        (True, 3.0, False, False, "success"),
        (False, 2.0, False, False, "failure"),
        (True, 1.0, False, False, "failure"),
        (True, 5.0, False, True, "failure"),
        (None, None, None, None, None),
    ],
)
def test_the_outcome_rule(
    database_url: str, clicked: bool | None, rating: float | None, up: bool | None, down: bool | None, outcome: str
) -> None:
    with connect(database_url) as connection:
        judged = connection.execute(
            "SELECT bandit_outcome(%s, %s, %s, %s, 4.0, 2.0)", [clicked, rating, up, down]
        ).fetchone()
    assert judged == (outcome,)
