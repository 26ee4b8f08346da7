"""Shapes of real sites: each is adopted as it is."""

import threading
from typing import Any, LiteralString, Self

import psycopg
import pytest
from bandit_selector.errors import DatabaseUnavailable, SiteRefused, TableDropped
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate, steps
from bandit_selector.store.migration_plan import plan
from bandit_selector.store.outcomes import settle
from bandit_selector.store.site import require_site
from bandit_selector.store.verification import first_difference

from tests.builders import RULE, show
from tests.integration.beside.test_side_by_side import NOW, ONE

UTC = Wish("UTC")
FEW: LiteralString = (
    "INSERT INTO recommendation_events (user_id, movie_id, algorithm) VALUES (1, 2, 'manual') RETURNING id"
)


def works(connection: Connection) -> None:
    """The old application and ours both write and read; the invariant holds."""
    show(connection, [ONE])
    row = connection.execute(FEW).fetchone()
    assert row is not None
    connection.execute("UPDATE recommendation_events SET clicked = true WHERE id = %s OR user_id = 7", [row[0]])
    clicked = connection.execute(
        "SELECT count(*) FROM recommendation_events WHERE clicked AND (id = %s OR bandit_event_id IS NOT NULL)",
        [row[0]],
    ).fetchone()
    assert clicked == (2,)
    settle(connection, NOW, RULE, NOW, 10)
    assert first_difference(connection) is None


ADOPTED: dict[str, LiteralString] = {
    "seven further columns": (
        "ALTER TABLE recommendation_events ADD source text DEFAULT 'web', ADD dwell_ms int, ADD tags text[],"
        " ADD device jsonb, ADD price numeric(8,2) DEFAULT 0, ADD seen_on date,"
        " ADD hidden boolean NOT NULL DEFAULT false"
    ),
    "a generated column": "ALTER TABLE recommendation_events ADD twice int GENERATED ALWAYS AS (movie_id * 2) STORED",
    "bigint ids": "ALTER TABLE recommendation_events ALTER id TYPE bigint, ALTER user_id TYPE bigint",
    "identity": (
        "ALTER TABLE recommendation_events ALTER id DROP DEFAULT;"
        "ALTER TABLE recommendation_events ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 5000)"
    ),
    "timestamptz and jsonb": (
        "ALTER TABLE recommendation_events ALTER created_at TYPE timestamptz, ALTER clicked_at TYPE timestamptz,"
        " ALTER context TYPE jsonb"
    ),
    "a trigger": (
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.recommendation_score := 1; RETURN NEW; END';"
        "CREATE TRIGGER stamped BEFORE INSERT ON recommendation_events FOR EACH ROW EXECUTE FUNCTION stamp()"
    ),
    "a deferred constraint": (
        "ALTER TABLE recommendation_events ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE"
        " DEFERRABLE INITIALLY DEFERRED"
    ),
    "duplicate cells": (
        "DROP INDEX idx_bandit_context_algo; INSERT INTO bandit_states (context_key, algorithm)"
        " SELECT context_key, algorithm FROM bandit_states LIMIT 3"
    ),
    "NULL counters": "UPDATE bandit_states SET total_pulls = NULL, total_successes = NULL, total_failures = NULL",
    "no defaults in the database": (
        "ALTER TABLE bandit_states ALTER alpha DROP DEFAULT, ALTER beta DROP DEFAULT, ALTER total_pulls DROP DEFAULT,"
        " ALTER total_successes DROP DEFAULT, ALTER created_at DROP DEFAULT, ALTER updated_at DROP DEFAULT"
    ),
    "a NUL in a context": ('UPDATE recommendation_events SET context = \'{"a": "x\\u0000y"}\' WHERE id < 10'),
    "ratings that are none": (
        "UPDATE recommendation_events SET rating_value = 'NaN', rated = true WHERE id = 1;"
        "UPDATE recommendation_events SET rating_value = 1e300, recommendation_score = 1e300 WHERE id = 2"
    ),
    "a quoted name": 'ALTER TABLE recommendation_events ADD "Order By" int, ADD "quo""te" text DEFAULT \'it\'\'s\'',
    "a dependent view and a foreign key": (
        "CREATE VIEW clicked AS SELECT * FROM recommendation_events WHERE clicked;"
        "CREATE TABLE notes (event_id int REFERENCES recommendation_events)"
    ),
}


@pytest.mark.parametrize("change", ADOPTED.values(), ids=ADOPTED)
def test_it_is_adopted_as_it_is(site: Connection, change: LiteralString) -> None:
    site.execute(change)
    before = site.execute("SELECT e::text FROM recommendation_events AS e ORDER BY id").fetchall()
    assert migrate(site) == [*steps(), "the view recommendation_events"]
    assert site.execute("SELECT e::text FROM recommendation_events_site AS e ORDER BY id").fetchall() == before
    works(site)


def test_the_plan_names_what_follows_the_rename_and_changes_nothing(site: Connection) -> None:
    site.execute(ADOPTED["a dependent view and a foreign key"])
    said = "\n".join(plan(site, Wish("Europe/Berlin")))
    for part in ("Rename recommendation_events", "The view clicked follows", "notes", "Europe/Berlin", "five columns"):
        assert part in said
    assert site.execute("SELECT to_regclass('bandit_migrations')").fetchone() == (None,)
    migrate(site, Wish("Europe/Berlin"))
    assert list(plan(site, Wish("Europe/Berlin"))) == ["Nothing to do: every table is there."]


def test_the_sites_clock_is_kept(site: Connection) -> None:
    migrate(site, Wish("Asia/Kolkata"))
    show(site, [ONE])
    row = site.execute(
        "SELECT created_at AT TIME ZONE 'Asia/Kolkata', pg_typeof(created_at)::text FROM recommendation_events"
        " WHERE bandit_event_id IS NOT NULL AND created_at > %s::timestamp - interval '1 day'",
        [NOW.replace(tzinfo=None)],
    ).fetchone()
    assert row == (ONE.created_at, "timestamp without time zone")


def test_tables_in_another_schema_are_found_by_its_path_and_ours_are_beside_them(
    site: Connection, site_url: str
) -> None:
    site.execute("CREATE SCHEMA shop; CREATE SCHEMA app")
    for table in ("users", "movies", "ratings", "bandit_states", "recommendation_events"):
        site.execute(f"ALTER TABLE {table} SET SCHEMA shop".encode())
    with connect(f"{site_url}?options=-csearch_path%3Dapp,shop%20-cstatement_timeout%3D9s") as own:
        require_site(own)
        migrate(own)
        works(own)
        rows = own.execute("SELECT DISTINCT relnamespace::regnamespace::text FROM pg_class WHERE relname ~ '^bandit'")
        assert rows.fetchall() == [("shop",)]
    with connect(site_url) as lost, pytest.raises(SiteRefused, match=r"table movies is not on the search path"):
        require_site(lost)


def test_the_sites_table_is_locked_while_one_message_is_answered(site: Connection) -> None:
    """No time of ours, nor of the way to the server, is added to what the application waits for."""
    sent: list[str] = []

    class Watching(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
            sent.append(query.decode() if isinstance(query, bytes) else str(query))
            return super().execute(query, *arguments, **options)

    site.cursor_factory = Watching
    migrate(site)
    (locking,) = (text for text in sent if "LOCK TABLE" in text and "recommendation_events" in text)
    assert "INSERT INTO bandit_site " in locking
    assert "RENAME TO" in locking


def test_a_blocker_is_named_and_the_next_run_goes_on(site: Connection, site_url: str) -> None:
    with psycopg.connect(site_url, application_name="nightly report") as blocker:
        blocker.execute("SELECT count(*) FROM recommendation_events")
        with pytest.raises(DatabaseUnavailable, match=r"nightly report.*idle in transaction"):
            migrate(site, patience=0.5)
        assert blocker.execute(FEW).fetchone()
    assert migrate(site) == ["the view recommendation_events"]
    works(site)


def test_three_at_once_adopt_once(site: Connection, site_url: str) -> None:
    applied: list[list[str]] = []

    def deploy() -> None:
        with connect(site_url) as own:
            applied.append(migrate(own))

    deployments = [threading.Thread(target=deploy) for _ in range(3)]
    for deployment in deployments:
        deployment.start()
    for deployment in deployments:
        deployment.join()
    assert sorted(map(len, applied)) == [0, 0, len(steps()) + 1]
    works(site)


@pytest.mark.parametrize("table", ["bandit_posteriors", "bandit_inbox", "recommendation_hours", "feedback_events"])
def test_a_table_that_was_dropped_is_named(adopted: Connection, table: str) -> None:
    adopted.execute(f"DROP TABLE {table} CASCADE".encode())
    with pytest.raises(TableDropped, match=rf"Missing: .*{table}.*Restore it"):
        migrate(adopted)


def test_a_column_that_the_site_adds_later_enters_the_view(adopted: Connection) -> None:
    adopted.execute("ALTER TABLE recommendation_events_site ADD dwell_ms int DEFAULT 0")
    assert migrate(adopted) == ["the view recommendation_events"]
    show(adopted, [ONE])
    adopted.execute("UPDATE recommendation_events SET dwell_ms = 5 WHERE user_id = 7")
    assert adopted.execute("SELECT DISTINCT dwell_ms FROM recommendation_events WHERE user_id = 7").fetchall() == [(5,)]


def test_a_column_of_any_type_is_read_as_its_application_wrote_it(site: Connection) -> None:
    site.execute(
        "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE pair AS (a int, b text);"
        "ALTER TABLE recommendation_events ADD tags text[] DEFAULT '{}', ADD grid int[], ADD mood mood DEFAULT 'good',"
        " ADD both_of pair, ADD raw bytea, ADD stay interval, ADD device json, ADD note text DEFAULT 'a(b'"
    )
    migrate(site)
    show(site, [ONE])
    read: LiteralString = (
        "SELECT tags, grid, mood::text, (both_of).b, raw, stay::text, device, note FROM recommendation_events"
        " WHERE bandit_event_id IS NOT NULL"
    )
    assert site.execute(read).fetchone() == ([], None, "good", None, None, None, None, "a(b")
    site.execute(
        "UPDATE recommendation_events SET tags = '{x,\"y, z\"}', grid = '{{1,2},{3,NULL}}', mood = 'bad',"
        " both_of = (1, 'it''s'), raw = '\\xff00', stay = '2 days', device = '{\"os\": [1]}', note = NULL"
        " WHERE bandit_event_id IS NOT NULL"
    )
    assert site.execute(read).fetchone() == (
        *(["x", "y, z"], [[1, 2], [3, None]], "bad", "it's"),
        *(b"\xff\x00", "2 days", {"os": [1]}, None),
    )


def test_a_column_of_the_sites_own_with_a_name_of_ours_is_the_sites(site: Connection) -> None:
    site.execute("ALTER TABLE recommendation_events ADD seen boolean NOT NULL DEFAULT false, ADD outcome text")
    migrate(site)
    show(site, [ONE])
    site.execute("UPDATE recommendation_events SET seen = true, outcome = 'bought' WHERE user_id = 7")
    rows = site.execute("SELECT DISTINCT seen, outcome FROM recommendation_events WHERE user_id = 7").fetchall()
    assert rows == [(True, "bought")]
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="Column propensity"):
        site.execute("UPDATE recommendation_events SET propensity = 1 WHERE bandit_event_id IS NOT NULL")
    settle(site, NOW, RULE, NOW, 10)
    assert first_difference(site) is None


def test_a_default_that_moves_with_the_clock_is_not_read_from_the_clock(site: Connection) -> None:
    site.execute(
        "ALTER TABLE recommendation_events ADD synced_at timestamp DEFAULT CURRENT_TIMESTAMP,"
        " ADD day date DEFAULT CURRENT_DATE, ADD who text DEFAULT CURRENT_USER, ADD kind text DEFAULT 'CURRENT_DATE'"
    )
    migrate(site)
    show(site, [ONE])
    row = site.execute(
        "SELECT synced_at, day, who, kind FROM recommendation_events WHERE bandit_event_id IS NOT NULL"
    ).fetchone()
    assert row == (None, None, None, "CURRENT_DATE")


def test_deleting_a_visitor_cascades_as_before(site: Connection) -> None:
    site.execute(ADOPTED["a deferred constraint"])
    migrate(site)
    site.execute("DELETE FROM users WHERE id = 9")
    assert site.execute("SELECT count(*) FROM recommendation_events WHERE user_id = 9").fetchone() == (0,)
    assert first_difference(site) is None


def test_a_prepared_statement_that_names_its_columns_goes_on(site: Connection, site_url: str) -> None:
    """PostgreSQL itself lets one with a star fail where the columns become more; docs/adopting.md says so."""
    with psycopg.connect(site_url, autocommit=True) as application:
        application.execute("PREPARE named AS SELECT id, context, created_at FROM recommendation_events WHERE id = 5")
        application.execute("PREPARE star AS SELECT * FROM recommendation_events WHERE id = 5")
        migrate(site)
        assert application.execute("EXECUTE named").rowcount == 1
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan must not change result type"):
            application.execute("EXECUTE star")
    with psycopg.connect(site_url, prepare_threshold=0) as again:
        assert again.execute("SELECT * FROM recommendation_events WHERE id = 5").rowcount == 1


def test_the_migration_can_be_repeated_from_any_step(site: Connection) -> None:
    site.execute("CREATE TYPE bandit_archives AS ENUM ()")
    with pytest.raises(psycopg.errors.DuplicateObject):
        migrate(site)
    old_application_writes = site.execute(FEW).fetchone()
    assert old_application_writes == (2001,)
    site.execute("DROP TYPE bandit_archives")
    assert migrate(site)[-1] == "the view recommendation_events"
    works(site)
