"""Each function does its work as its own database role, on a real PostgreSQL, and may do nothing else."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from bandit_selector.feedback import Message, new_message_id
from bandit_selector.services.daily import Carriers, deliver, make_due
from bandit_selector.services.site_ratings import read_site_ratings
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.migrate import migrate
from bandit_selector.store.retention import partitions_until
from bandit_selector.store.roles import OURS, ROLES, Role, grant_roles
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from functions.candidates.handler import build
from functions.candidates.lists import silent
from functions.feedback.handler import consume
from functions.feedback.settle import absorb_inbox, mend_partitions, settle_due, sum_history
from functions.monitor.analytics import READINGS
from functions.select.handler import respond
from infra.local import site
from tests.integration.events import NOW, http_event, load_site, queue_event

SETTINGS = Settings()
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
PASSWORD = "only-for-this-test"  # noqa: S105 # of a server that lives for this test

NOWHERE = Carriers(lambda _day, _report: None, lambda _mail: None)
Acting = Callable[[str], Database]


@pytest.fixture
def acting(database_url: str, connection: Connection) -> Iterator[Acting]:
    """The database as a function sees it: with the rights of its role."""
    load_site(connection)

    def open_as(function: str) -> Database:
        database = Database(lambda: database_url, role=ROLES[function].name)
        stack.callback(database.close)
        return database

    with ExitStack() as stack:
        yield open_as


def test_every_function_does_its_work_as_its_role(acting: Acting, connection: Connection) -> None:
    movies = json.loads(respond(http_event({"user_id": "1", "seed": "s"}), SETTINGS, acting("select"))["body"])
    assert consume(queue_event(_click(movies[0])), acting("feedback"), SETTINGS) == {"batchItemFailures": []}
    later = NOW + timedelta(hours=1)
    acting("settle").run(lambda its: read_site_ratings(its, later, SETTINGS, lambda: True))
    assert settle_due(later, SETTINGS, acting("settle"), lambda: True) == 1
    assert absorb_inbox(later, SETTINGS, acting("settle"), lambda: True) == 0
    assert sum_history(later, SETTINGS, acting("settle"), lambda: True) == 0
    for reading in READINGS.values():
        if reading.__name__ not in {"newest_report", "report_of_day"}:  # there is no report yet
            acting("analytics").read(lambda its, reading=reading: reading(its, http_event(scope="analytics"), SETTINGS))
    monitor = acting("monitor")
    assert monitor.run(lambda its: make_due(its, later, 7, SETTINGS, 0)) == [later.date()]
    assert monitor.run(lambda its: deliver(its, later, NOWHERE)) == []
    assert acting("candidates").run(lambda its: build(its, silent, later).lists) > 0
    assert connection.execute("SELECT sum(total_successes) FROM bandit_states").fetchone() == (1,)


def test_settle_makes_missing_partitions_as_its_role(acting: Acting, connection: Connection) -> None:
    """Also what waits in the default tables moves; without the right the next minute would only warn."""
    later = NOW + timedelta(days=700)
    connection.execute(
        "INSERT INTO bandit_lists_default (id, created_at, user_id, first_position, context_key, silence, movie_ids,"
        " scores) VALUES (1, %s, 1, 1, 'k', 'shown', '{1}', '{1}')",
        [later],
    )
    mend_partitions(later, acting("settle"))
    until = partitions_until(connection)
    assert until is not None
    assert until > later
    assert connection.execute("SELECT tableoid::regclass::text FROM bandit_lists WHERE id = 1").fetchone() == (
        f"bandit_lists_{later - timedelta(days=later.weekday()):%Y%m%d}",
    )


@pytest.mark.parametrize("function", ROLES)
def test_a_session_has_the_roles_rights_and_no_other(acting: Acting, connection: Connection, function: str) -> None:
    session = acting(function).connection()
    assert session.execute("SELECT current_user").fetchone() == (ROLES[function].name,)
    wanted = _declared(ROLES[function], connection)
    for table in _tables(connection):
        found = {right for right in RIGHTS if _may(session, table, right)}
        assert found == wanted.get(table, set()), (function, table)


@pytest.mark.parametrize(
    ("function", "statement"),
    [
        ("select", "SELECT FROM feedback_events"),
        ("select", "UPDATE bandit_states SET alpha = 1"),
        ("select", "DELETE FROM bandit_lists"),
        ("analytics", "INSERT INTO bandit_forgotten VALUES (1, now())"),
        ("monitor", "UPDATE bandit_states SET alpha = 1"),
        ("feedback", "INSERT INTO bandit_lists DEFAULT VALUES"),
        ("feedback", "DROP TABLE bandit_lists"),
        ("candidates", "SELECT FROM bandit_lists"),
        ("feedback", "SELECT bandit_make_partitions(now(), now())"),
    ],
)
def test_what_is_not_its_work_is_refused(acting: Acting, function: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        acting(function).connection().execute(statement.encode())


@pytest.mark.usefixtures("acting")
def test_a_role_logs_in_by_itself(connection: Connection, database_url: str) -> None:
    role = ROLES["select"].name
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD)))
    own = Database(lambda: make_conninfo(database_url, user=role, password=PASSWORD))
    assert len(json.loads(respond(http_event({"user_id": "1"}), SETTINGS, own)["body"])) == 30
    assert own.connection().execute("SELECT session_user").fetchone() == (role,)
    own.close()


def test_a_right_that_is_no_longer_declared_is_taken(acting: Acting, connection: Connection) -> None:
    connection.execute("GRANT INSERT ON bandit_states TO bandit_analytics")
    assert grant_roles(connection)
    assert not _may(acting("analytics").connection(), "bandit_states", "INSERT")


def test_a_table_that_comes_later_is_granted_by_the_next_migration(empty_database_url: str) -> None:
    with connect(empty_database_url) as owner:
        migrate(owner)
        site.create_tables(owner)
        owner.execute("INSERT INTO users VALUES (1)")
        assert migrate(owner) == []
    database = Database(lambda: empty_database_url, role="bandit_select")
    assert database.connection().execute("SELECT id FROM users").fetchall() == [(1,)]
    database.close()


@pytest.mark.usefixtures("template")
def test_who_may_make_no_role_works_as_one_user(empty_database_url: str) -> None:
    name = sql.Identifier(f"owner_{empty_database_url.rpartition('/')[2]}")
    with connect(empty_database_url) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(PASSWORD)))
        admin.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(name))
    url = make_conninfo(empty_database_url, user=name.as_string().strip('"'), password=PASSWORD)
    with connect(url) as owner:
        site.create_tables(owner)
        assert migrate(owner) != []
        assert not grant_roles(owner)
        load_site(owner)
    database = Database(lambda: url, role="bandit_select")
    assert respond(http_event({"user_id": "1"}), SETTINGS, database)["statusCode"] == 200
    database.close()


def test_functions_are_called_by_every_role_where_the_owner_withholds_new_ones(empty_database_url: str) -> None:
    with connect(empty_database_url) as owner:
        owner.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC")
        site.create_tables(owner)
        migrate(owner)
        load_site(owner)
    with closing(Database(lambda: empty_database_url, role="bandit_select")) as database:
        assert respond(http_event({"user_id": "1", "seed": "s"}), SETTINGS, database)["statusCode"] == 200
    with closing(Database(lambda: empty_database_url, role="bandit_settle")) as database:
        assert settle_due(NOW + timedelta(hours=1), SETTINGS, database, lambda: True) == 1
        database.connection().execute("SELECT bandit_make_partitions(now(), now())")


def _click(movie: dict[str, Any]) -> str:
    return Message(
        message_id=new_message_id(NOW, Random(1)),
        action="click",
        user_id=1,
        movie_id=movie["id"],
        event_id=movie["event_id"],
        occurred_at=NOW,
        received_at=NOW,
    ).model_dump_json(exclude_none=True)


def _declared(role: Role, connection: Connection) -> dict[str, set[str]]:
    ours = _tables(connection, OURS) if role.all_ours else []
    rights: dict[str, set[str]] = {table: {"SELECT"} for table in (*role.reads, *ours)}
    for table, given in role.writes:
        rights[table] = rights.get(table, {"SELECT"}) | set(given.split(", "))
    return rights


def _tables(connection: Connection, pattern: str = "") -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        " AND relname ~ %s AND (%s = '' OR NOT relispartition OR relname ~ '_default$')",
        [pattern, pattern],
    )
    return [row[0] for row in rows.fetchall()]


def _may(session: Connection, table: str, right: str) -> bool:
    row = session.execute("SELECT has_table_privilege(%s, %s)", [table, right]).fetchone()
    return bool(row and row[0])
