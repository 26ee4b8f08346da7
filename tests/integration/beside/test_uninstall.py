"""Adopting and uninstalling leaves a site's database as it was."""

from pathlib import Path

import duckdb
import pytest
from bandit_selector.errors import SiteRefused
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import Connection
from bandit_selector.store.inbox import absorb
from bandit_selector.store.migrate import migrate
from bandit_selector.store.outcomes import settle
from bandit_selector.store.uninstall import uninstall
from sqlalchemy.orm import Session

from infra.local.__main__ import main
from tests.builders import KEY, RULE, show
from tests.integration.beside.old_application import feedback
from tests.integration.beside.test_side_by_side import NOW, ONE

EVERYTHING = """
    SELECT c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid),
        coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))::text
    FROM pg_class AS c
    LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
    WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, a.attnum
"""
ROUTINES = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
CELLS = "SELECT id, context_key, algorithm, alpha, beta, total_pulls, created_at FROM bandit_states ORDER BY id"


def test_a_site_is_as_it_was_but_for_what_its_application_wrote(site: Connection) -> None:
    catalogue, cells = site.execute(EVERYTHING).fetchall(), site.execute(CELLS).fetchall()
    events = site.execute("SELECT * FROM recommendation_events ORDER BY id").fetchall()
    migrate(site)
    show(site, [ONE])
    settle(site, NOW, RULE, NOW, 10)
    site.execute("INSERT INTO recommendation_events (user_id, movie_id, algorithm) VALUES (1, 1, 'manual')")
    uninstall(site)
    assert site.execute(EVERYTHING).fetchall() == catalogue
    assert site.execute(ROUTINES).fetchall() == []
    assert site.execute(CELLS).fetchall() == cells
    assert site.execute("SELECT * FROM recommendation_events ORDER BY id LIMIT 2000").fetchall() == events
    assert site.execute("SELECT count(*) FROM recommendation_events").fetchone() == (2001,)
    assert len(migrate(site)) > 10  # it can be adopted again


def test_what_was_learned_is_written_to_files_before_it_goes(
    adopted: Connection,
    adopted_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(adopted, [ONE])
    settle(adopted, NOW, RULE, NOW, 10)
    cells = adopted.execute("SELECT count(*) FROM bandit_states").fetchone()
    monkeypatch.setenv("DATABASE_URL", adopted_url)
    assert main(("uninstall", "--export", str(tmp_path), "--yes")) == 0, capsys.readouterr().err
    assert "1 impressions" in capsys.readouterr().out
    (file,) = tmp_path.rglob("*.parquet")
    with duckdb.connect() as duck:
        assert duck.read_parquet(str(file)).project("event_id").fetchall() == [(ONE.id,)]
    lines = (tmp_path / "bandit_states.csv").read_text().splitlines()
    assert cells == (len(lines) - 1,)
    assert any(line.split(",")[1] == KEY for line in lines)
    assert adopted.execute("SELECT to_regclass('bandit_lists')").fetchone() == (None,)


def test_a_view_of_the_site_over_ours_keeps_everything(adopted: Connection) -> None:
    adopted.execute("CREATE VIEW of_the_site AS SELECT count(*) FROM recommendation_events")
    with pytest.raises(SiteRefused, match="view of_the_site depends on view recommendation_events"):
        uninstall(adopted)
    assert migrate(adopted) == []


def test_an_installation_without_a_site_goes_as_a_whole(connection: Connection) -> None:
    uninstall(connection)
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    )
    assert sorted(name for (name,) in rows) == ["movies", "ratings", "users"]
    assert connection.execute(ROUTINES).fetchall() == []


def test_alone_and_beside_again_lose_nothing(adopted: Connection, application: Session) -> None:
    show(adopted, [ONE])
    feedback(application, 7, 3, "click")
    application.close()
    before = adopted.execute("SELECT count(*), sum(clicked::int) FROM recommendation_events").fetchone()
    assert migrate(adopted, Wish("UTC", beside=False)) == ["the view recommendation_events"]
    assert adopted.execute("SELECT count(*), sum(clicked::int) FROM recommendation_events").fetchone() == before
    assert adopted.execute("SELECT count(*) FROM bandit_keys").fetchone() == (0,)
    assert migrate(adopted, Wish("UTC", beside=True)) == ["the view recommendation_events"]
    assert adopted.execute("SELECT count(*), sum(clicked::int) FROM recommendation_events").fetchone() == before
    assert absorb(adopted, RULE, NOW, 10) == 1
