"""Whose the tables are: a site's owner adopts, a role without the tables hands over a script and then serves."""

from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from bandit_selector.errors import SiteRefused
from bandit_selector.services.daily import make_due
from bandit_selector.services.publish import publish
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.migrate import migrate, steps
from bandit_selector.store.migration_plan import plan, sql
from bandit_selector.store.retention import forget_user, partitions_until, prune
from bandit_selector.store.uninstall import uninstall
from bandit_selector.store.verification import first_difference
from psycopg.conninfo import make_conninfo

from functions.candidates.handler import build
from functions.candidates.lists import silent
from functions.feedback.settle import mend_partitions, sum_history
from tests.builders import EPOCH, show
from tests.integration.archived import OLD, SETTINGS, days_of, lived, no_pause
from tests.integration.beside.test_shapes import FEW, UTC, works
from tests.integration.beside.test_side_by_side import NOW, ONE


def as_role(url: str, role: str) -> str:
    return make_conninfo(url, user=role, password="x")  # noqa: S106 # of the test's own server


@pytest.fixture
def roles(site: Connection) -> None:
    """The roles `owner_of_site` of the site's tables, and `clerk_of_site`, which may only write rows."""
    for role in ("owner_of_site", "clerk_of_site"):
        if site.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
            site.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'".encode())
    site.execute("GRANT CREATE, USAGE ON SCHEMA public TO owner_of_site")
    for table in ("users", "movies", "ratings", "bandit_states", "recommendation_events"):
        site.execute(f"ALTER TABLE {table} OWNER TO owner_of_site".encode())
        site.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO clerk_of_site".encode())
    site.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk_of_site")


@pytest.mark.usefixtures("roles")
def test_who_is_not_the_owner_gets_the_script_and_works_after_it_was_run(site_url: str) -> None:
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        with pytest.raises(SiteRefused, match="belongs to owner_of_site, and only its owner can rename it"):
            migrate(clerk)
        script = "\n\n".join(sql(clerk, UTC))
    with psycopg.connect(as_role(site_url, "owner_of_site"), autocommit=True) as owner:
        owner.execute("\n".join(line for line in script.splitlines() if not line.startswith("\\")).encode())
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        assert migrate(clerk) == []
        works(clerk)


@pytest.mark.usefixtures("roles")
def test_who_may_write_some_columns_only_is_named_by_the_plan(site: Connection, site_url: str) -> None:
    site.execute("REVOKE UPDATE, INSERT ON recommendation_events FROM clerk_of_site")
    site.execute("GRANT UPDATE (clicked), INSERT (user_id) ON recommendation_events TO clerk_of_site")
    (advice,) = (said for said in plan(site, UTC) if "clerk_of_site" in said)
    site.execute(advice.rpartition(": ")[2].rstrip(".").encode())
    assert not any("clerk_of_site" in said for said in plan(site, UTC))
    migrate(site)
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        assert clerk.execute("UPDATE recommendation_events SET clicked = true WHERE id = 5").rowcount == 1


@pytest.mark.usefixtures("roles")
def test_who_gets_rights_later_needs_three(site: Connection, site_url: str) -> None:
    """docs/adopting.md has them."""
    site.execute("REVOKE ALL ON recommendation_events FROM clerk_of_site")
    migrate(site)
    show(site, [ONE])
    change = "UPDATE recommendation_events SET clicked = true WHERE user_id = 7"
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        site.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON recommendation_events TO clerk_of_site")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.execute(change)
        site.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON recommendation_events_site TO clerk_of_site")
        site.execute("GRANT EXECUTE ON FUNCTION bandit_hear, bandit_hide TO clerk_of_site")
        assert clerk.execute(change).rowcount > 0
        assert clerk.execute("DELETE FROM recommendation_events WHERE user_id = 7").rowcount > 0


@pytest.mark.usefixtures("roles")
def test_who_is_not_the_owner_does_the_whole_work_of_the_service(site_url: str) -> None:
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        script = "\n\n".join(sql(clerk, UTC))
    with psycopg.connect(as_role(site_url, "owner_of_site"), autocommit=True) as owner:
        owner.execute("\n".join(line for line in script.splitlines() if not line.startswith("\\")).encode())
        owner.execute("ALTER TABLE recommendation_events_site ADD source text")
    with connect(as_role(site_url, "owner_of_site")) as owner:  # makes the view again, which must not cost its grants
        assert migrate(owner) == ["the view recommendation_events"]
    with closing(Database(lambda: as_role(site_url, "clerk_of_site"))) as database:
        clerk = database.connection()
        clerk.execute("SELECT bandit_make_partitions(%s, %s)", [EPOCH, EPOCH + timedelta(days=14)])
        lived(clerk, days_of(3))
        later = NOW + timedelta(days=700)
        assert build(clerk, silent, NOW).lists > 0
        assert sum_history(NOW, SETTINGS, database, lambda: True) > 0
        assert publish(clerk, SETTINGS)
        mend_partitions(later, database)
        assert (partitions_until(clerk) or NOW) > later
        assert make_due(clerk, NOW, 7, SETTINGS, 0) == [NOW.date()]
        assert "bandit_lists_20260223" in list(prune(clerk, OLD.replace(hour=0), no_pause))
        assert forget_user(clerk, 1, NOW) == 0  # of the weeks that are gone
        assert first_difference(clerk) is None
        with pytest.raises(SiteRefused, match="belong to owner_of_site, and only their owner can remove them"):
            uninstall(clerk)


@pytest.mark.usefixtures("roles")
def test_a_script_that_met_a_lock_goes_on_from_there(site: Connection, site_url: str) -> None:
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        script = [part for part in sql(clerk, UTC) if not part.startswith("\\")]
    with psycopg.connect(as_role(site_url, "owner_of_site"), autocommit=True) as owner:

        def run() -> None:
            for part in script:
                owner.execute(part.encode())

        with site.transaction():
            site.execute("SELECT count(*) FROM recommendation_events")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                run()
        for _ in range(2):
            run()
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        assert migrate(clerk) == []
        works(clerk)


@pytest.mark.usefixtures("roles")
def test_a_later_step_is_the_owners_too(site: Connection, site_url: str) -> None:
    migrate(site)
    site.execute("DELETE FROM bandit_migrations WHERE name = %s", [steps()[-1]])
    site.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk_of_site")
    with connect(as_role(site_url, "clerk_of_site")) as clerk:
        assert "Not possible yet: The tables of Bandit Selector belong to owner_of_site" in list(plan(clerk, UTC))[-1]
        with pytest.raises(SiteRefused, match="connect as owner_of_site, or hand over the script"):
            migrate(clerk)


def test_a_schema_that_takes_no_table_is_named(site: Connection, site_url: str) -> None:
    site.execute("DROP TABLE recommendation_events, bandit_states; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    site.execute("CREATE ROLE guest_of_site LOGIN PASSWORD 'x'")
    with (
        connect(as_role(site_url, "guest_of_site")) as guest,
        pytest.raises(SiteRefused, match="GRANT CREATE ON"),
    ):
        migrate(guest)
    site.execute("DROP ROLE guest_of_site")


@pytest.mark.usefixtures("roles")
def test_a_superuser_makes_everything_the_owners(site: Connection, site_url: str) -> None:
    migrate(site)
    owners = site.execute(
        "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname ~ '^(bandit|experiment)'"
    )
    assert owners.fetchall() == [("owner_of_site",)]
    with psycopg.connect(as_role(site_url, "clerk_of_site")) as clerk:  # the old application's own role
        clerk.execute(FEW)
        show(site, [ONE])
        clerk.execute("UPDATE recommendation_events SET clicked = true WHERE user_id = 7")
        clerk.execute("DELETE FROM recommendation_events WHERE user_id = 7")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.execute("SELECT * FROM bandit_inbox")


@pytest.mark.usefixtures("roles")
def test_grants_of_single_columns_hold_for_the_view(site: Connection, site_url: str) -> None:
    site.execute("REVOKE ALL ON recommendation_events FROM clerk_of_site")
    site.execute("GRANT SELECT (id, user_id, clicked), UPDATE (clicked) ON recommendation_events TO clerk_of_site")
    migrate(site)
    show(site, [ONE])
    with psycopg.connect(as_role(site_url, "clerk_of_site"), autocommit=True) as clerk:
        assert clerk.execute("SELECT clicked FROM recommendation_events WHERE user_id = 7 AND id > 2000").fetchall()
        clerk.execute("UPDATE recommendation_events SET clicked = true WHERE user_id = 7 AND id > 2000")
        for refused in ("SELECT movie_id FROM recommendation_events", "UPDATE recommendation_events SET rated = true"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                clerk.execute(refused.encode())
    said = site.execute("SELECT clicked FROM bandit_inbox").fetchall()
    assert said == [(True,)]
