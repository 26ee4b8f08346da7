"""An arm gets another name, and everything that was learned of it stays."""

import pytest
from bandit_selector.errors import ArmKnown, ArmUnknown
from bandit_selector.services.publish import publish
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.arm_names import rename_arm
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.verification import first_difference

from tests.integration.activity import live
from tests.integration.events import NOW, load_site

NEWER = Settings(arms=tuple("neural" if arm == "svd" else arm for arm in GUIDE_ARMS), control_weights={"neural": 1})


@pytest.fixture
def lived(connection: Connection) -> Connection:
    load_site(connection, users=50)
    live(connection, NOW, impressions=1500, days=2)
    publish(connection, Settings())
    return connection


def cells(connection: Connection) -> dict[tuple[str, str], tuple[float, ...]]:
    rows = connection.execute("SELECT context_key, algorithm, alpha, beta, total_pulls FROM bandit_states")
    return {(key, "neural" if arm == "svd" else arm): tuple(rest) for key, arm, *rest in rows}


def test_a_renamed_arm_keeps_its_cells_and_every_sum_follows_from_the_lists(lived: Connection) -> None:
    before = cells(lived)
    renamed = rename_arm(lived, "svd", "neural")
    assert cells(lived) == before
    assert renamed["bandit_lists"] > 0
    assert renamed["recommendation_hours"] > 0
    assert first_difference(lived) is None
    algorithms = {name for (name,) in lived.execute("SELECT DISTINCT algorithm FROM recommendation_events")}
    assert "bandit_neural" in algorithms
    assert "bandit_svd" not in algorithms


def test_a_renamed_arm_is_drawn_as_before(lived: Connection) -> None:
    query = "SELECT context_key, probability FROM bandit_posteriors WHERE algorithm = %s ORDER BY 1"
    before = lived.execute(query, ["svd"]).fetchall()
    rename_arm(lived, "svd", "neural")
    lived.execute("UPDATE bandit_memory SET aged_at = aged_at - interval '2 seconds'")
    publish(lived, NEWER)
    after = lived.execute(query, ["neural"]).fetchall()
    assert [chance for _, chance in after] == pytest.approx([chance for _, chance in before], abs=2e-3)
    shown = lived.execute("SELECT arms, lengths FROM bandit_candidates WHERE user_id = 0").fetchone()
    assert shown is not None
    assert "neural" in shown[0]


def test_what_a_renamed_arm_remembers_outlives_publications_under_the_old_name(lived: Connection) -> None:
    query = "SELECT discounted_failures, seen_failures FROM bandit_posteriors WHERE algorithm = %s ORDER BY context_key"
    lived.execute("UPDATE bandit_posteriors SET discounted_failures = discounted_failures / 2")  # long ago
    before = lived.execute(query, ["svd"]).fetchall()
    rename_arm(lived, "svd", "neural")
    lived.execute("UPDATE bandit_memory SET aged_at = aged_at - interval '2 seconds'")
    assert publish(lived, Settings()) == 2  # before ARMS has the new name
    assert lived.execute(query, ["neural"]).fetchall() == before


def test_a_name_that_has_a_past_is_refused_and_nothing_changes(lived: Connection) -> None:
    before = cells(lived)
    with pytest.raises(ArmKnown, match="graph"):
        rename_arm(lived, "svd", "graph")
    with pytest.raises(ArmUnknown, match="nothing_of_this"):
        rename_arm(lived, "nothing_of_this", "neural")
    assert cells(lived) == before
    assert first_difference(lived) is None


def test_a_cell_that_was_made_for_the_new_name_and_is_empty_gives_way(lived: Connection) -> None:
    lived.execute("UPDATE bandit_memory SET aged_at = aged_at - interval '2 seconds'")
    publish(lived, Settings(arms=(*GUIDE_ARMS, "neural")))
    rename_arm(lived, "svd", "neural")
    assert first_difference(lived) is None


def test_renaming_waits_for_who_counts_feedback(lived: Connection, database_url: str) -> None:
    with connect(database_url) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock_shared(7310017)")
        lived.execute("SET statement_timeout = '300ms'")
        with pytest.raises(Exception, match="statement timeout"):
            rename_arm(lived, "svd", "neural")
        lived.execute("SET statement_timeout = 0")
    assert rename_arm(lived, "svd", "neural")["bandit_states"] > 0
