"""Publishing: versions, at most one a second, one publisher; forgetting survives restarts and conversions."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from bandit_selector.learning.memory import Memory, remembered
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.services.learning_rule import half_lives
from bandit_selector.services.publish import publish
from bandit_selector.settings import Settings
from bandit_selector.store import facts
from bandit_selector.store.activity import cells
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.locks import Lock
from bandit_selector.store.posteriors import forgettings, read_cells
from bandit_selector.store.verification import first_difference, rebuild

from tests.builders import learn_cell

SETTINGS = Settings()
CELL = "evening|weekday|regular"


def a_second_passes(connection: Connection) -> None:
    connection.execute("UPDATE bandit_memory SET aged_at = aged_at - interval '2 seconds'")


def published(connection: Connection, key: str = CELL) -> dict[str, float]:
    rows = connection.execute("SELECT algorithm, probability FROM bandit_posteriors WHERE context_key = %s", [key])
    return dict(rows.fetchall())


def test_nothing_learned_publishes_even_chances_for_every_context(connection: Connection) -> None:
    assert publish(connection, SETTINGS) == 1
    for key in CONTEXT_KEYS:
        assert list(published(connection, key).values()) == pytest.approx([1 / 6] * 6, abs=1e-3)


def test_the_best_arm_is_drawn_most_and_guarded(connection: Connection) -> None:
    learn_cell(connection, "svd", 4000, 6000)
    learn_cell(connection, "graph", 500, 9500)
    publish(connection, SETTINGS)
    chances = published(connection)
    assert max(chances, key=chances.__getitem__) == "svd"
    assert sum(chances.values()) == pytest.approx(1)
    assert min(chances.values()) >= 0.001 - 1e-12
    assert 0.6 < chances["svd"] <= 0.70  # all the traffic there is


def test_the_monitor_expects_the_shares_that_are_published_for_recent_traffic(connection: Connection) -> None:
    learn_cell(connection, "svd", 4000, 6000)
    learn_cell(connection, "graph", 500, 9500)
    publish(connection, SETTINGS)
    contexts, shares = facts.published(connection, SETTINGS.arms)
    assert contexts == len(CONTEXT_KEYS)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["svd"] == pytest.approx(0.68, abs=0.002)


def test_versions_rise_at_most_once_a_second_and_only_on_news(connection: Connection) -> None:
    assert publish(connection, SETTINGS) == 1
    learn_cell(connection, "svd", 5, 5)
    assert publish(connection, SETTINGS) is None
    a_second_passes(connection)
    assert publish(connection, SETTINGS) == 2
    a_second_passes(connection)
    assert publish(connection, SETTINGS) is None


def test_a_version_stays_for_the_time_that_is_set(connection: Connection) -> None:
    rarely, always = (SETTINGS.model_copy(update={"publish_every": timedelta(minutes=minutes)}) for minutes in (1, 0))
    assert publish(connection, rarely) == 1
    learn_cell(connection, "svd", 5, 5)
    a_second_passes(connection)
    assert publish(connection, rarely) is None
    assert publish(connection, always) == 2


CRASH_AT_COMMIT = """
    CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER crash AFTER INSERT OR UPDATE ON bandit_posteriors DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION crash()
"""


def test_one_publishes_at_a_time(connection: Connection, database_url: str) -> None:
    with connect(database_url) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.PUBLISH])
        assert publish(connection, SETTINGS) is None
    assert publish(connection, SETTINGS) == 1


def memory_now(connection: Connection, settings: Settings) -> Memory:
    return remembered(read_cells(connection, CONTEXT_KEYS, settings.arms), half_lives(settings))[0]


FORGETFUL = Settings(half_life=100, half_life_time=timedelta())
ROW, SVD = CONTEXT_KEYS.index(CELL), FORGETFUL.arms.index("svd")


def test_forgetting_survives_restarts_and_a_conversion_ages_nothing(connection: Connection) -> None:
    learn_cell(connection, "svd", 50, 50)
    publish(connection, FORGETFUL)
    learn_cell(connection, "svd", 51, 49)
    memory = memory_now(connection, FORGETFUL)
    assert (memory.long_successes[ROW, SVD], memory.long_failures[ROW, SVD]) == (51, 49)
    a_second_passes(connection)
    publish(connection, FORGETFUL)
    learn_cell(connection, "graph", 0, 100)
    memory = memory_now(connection, FORGETFUL)
    assert (memory.long_successes[ROW, SVD], memory.long_failures[ROW, SVD]) == pytest.approx((25.5, 24.5))


def test_a_cell_that_is_not_written_ages_all_the_same(connection: Connection) -> None:
    learn_cell(connection, "svd", 50, 50)
    publish(connection, FORGETFUL)
    for failures in (50, 100, 200):
        learn_cell(connection, "graph", 0, failures, key="night|weekend|cold_start")
        a_second_passes(connection)
        publish(connection, FORGETFUL)
    memory = memory_now(connection, FORGETFUL)
    assert memory.long_successes[ROW, SVD] == pytest.approx(50 * 0.5**2)
    assert memory.short_successes[ROW, SVD] == pytest.approx(50 * 0.5**2)  # as the long one, before its six hours


def test_what_newer_outcomes_refute_is_forgotten_and_told(connection: Connection) -> None:
    settings = Settings(short_half_life_time=timedelta(), short_half_life=200)
    arms = ("svd", "graph", "item_cf")
    for arm in arms:
        learn_cell(connection, arm, 2000, 8000)
    publish(connection, settings)
    for places in range(500, 3000, 500):
        for arm in arms:
            learn_cell(connection, arm, 2000 + (places // 50 if arm == "svd" else places // 5), 8000 + places)
        a_second_passes(connection)
        publish(connection, settings)
    told = forgettings(connection, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1))
    assert [one.arm for _, one in told] == ["svd"]
    assert told[0][1].after < 0.05 < 0.15 < told[0][1].before
    memory = memory_now(connection, settings)
    assert memory.long_failures[ROW, SVD] < 4000 < memory.long_failures[ROW, settings.arms.index("item_cf")] + 3000


def test_a_context_whose_probabilities_hardly_moved_keeps_its_version(connection: Connection) -> None:
    learn_cell(connection, "svd", 40_000, 60_000)
    learn_cell(connection, "graph", 5_000, 95_000)
    publish(connection, SETTINGS)
    a_second_passes(connection)
    learn_cell(connection, "graph", 5_000, 95_001)
    assert publish(connection, SETTINGS) is None
    recorded = read_cells(connection, CONTEXT_KEYS, SETTINGS.arms)
    assert not recorded.news.any()
    assert recorded.memory.long_failures[ROW, SETTINGS.arms.index("graph")] == pytest.approx(95_001, rel=1e-6)


def test_contexts_of_further_factors_are_published_once_they_are_visited(connection: Connection) -> None:
    settings = Settings(context_factors={"device": ("mobile", "tv")})
    learn_cell(connection, "svd", 3, 2, key=f"{CELL}|tv")
    learn_cell(connection, "svd", 3, 2, key="0123456789abcdef0123456789abcdef01234567")
    publish(connection, settings)
    keys = connection.execute("SELECT DISTINCT context_key FROM bandit_posteriors").fetchall()
    assert {key for (key,) in keys} == {f"{key}|other" for key in CONTEXT_KEYS} | {f"{CELL}|tv"}


def test_arms_come_and_go_by_configuration(connection: Connection) -> None:
    publish(connection, SETTINGS)
    a_second_passes(connection)
    newer = Settings(arms=("svd", "item_cf", "embeddings", "two_tower"))
    assert publish(connection, newer) == 2
    assert {arm for arm, chance in published(connection).items() if chance} == set(newer.arms)


def test_an_arm_that_comes_back_is_remembered_as_if_it_had_never_left(connection: Connection) -> None:
    without = FORGETFUL.model_copy(update={"arms": tuple(arm for arm in FORGETFUL.arms if arm != "svd")})
    learn_cell(connection, "svd", 50, 50)
    learn_cell(connection, "graph", 20, 80)
    publish(connection, FORGETFUL)
    learn_cell(connection, "graph", 40, 160)
    a_second_passes(connection)
    publish(connection, without)
    shares = facts.published(connection, without.arms)[1]
    assert sum(shares.values()) == pytest.approx(1)
    assert published(connection)["svd"] == 0
    shown = [cell.probability for cell in cells(connection, CELL) if cell.arm == "svd"]
    assert shown == [None]  # no page tells of an arm that is drawn no more
    memory = memory_now(connection, FORGETFUL)
    assert (memory.long_successes[ROW, SVD], memory.long_failures[ROW, SVD]) == pytest.approx((25, 25))
    a_second_passes(connection)
    publish(connection, FORGETFUL)
    assert published(connection)["svd"] > 0.1


def test_a_clock_that_was_set_back_stops_no_publication(connection: Connection) -> None:
    publish(connection, SETTINGS)
    connection.execute("UPDATE bandit_memory SET aged_at = clock_timestamp() + interval '1 day'")
    learn_cell(connection, "svd", 5, 5)
    assert publish(connection, SETTINGS) == 2
    assert publish(connection, SETTINGS) is None  # by the clock as it is now


@pytest.mark.parametrize("lost", ["DELETE FROM bandit_memory", "UPDATE bandit_memory SET long_age = 0, short_age = 0"])
def test_ages_that_were_lost_are_those_of_the_cells(connection: Connection, lost: str) -> None:
    learn_cell(connection, "graph", 100, 900)
    publish(connection, FORGETFUL)
    learn_cell(connection, "svd", 50, 50)
    a_second_passes(connection)
    publish(connection, FORGETFUL)
    connection.execute(lost.encode())
    a_second_passes(connection)
    learn_cell(connection, "graph", 100, 1000)
    publish(connection, FORGETFUL)
    memory = memory_now(connection, FORGETFUL)
    assert (memory.long_successes[ROW, SVD], memory.long_failures[ROW, SVD]) == pytest.approx((25, 25))


def test_a_context_that_has_learned_has_a_cell_for_every_arm(connection: Connection) -> None:
    learn_cell(connection, "svd", 3, 2)
    publish(connection, SETTINGS)
    cells = connection.execute("SELECT context_key, count(*), sum(total_pulls) FROM bandit_states GROUP BY 1")
    assert cells.fetchall() == [(CELL, 6, 0)]
    assert first_difference(connection) is not None  # these counts have no events
    rebuild(connection)
    assert first_difference(connection) is None


def test_keys_of_an_older_application_are_left_alone(connection: Connection) -> None:
    learn_cell(connection, "svd", 900, 100, key="0123456789abcdef0123456789abcdef01234567")
    publish(connection, Settings(history_worth=0))
    assert published(connection)["svd"] == pytest.approx(1 / 6, abs=1e-3)
    publish(connection, SETTINGS)
    kept = connection.execute("SELECT algorithm, alpha, beta FROM bandit_states WHERE length(context_key) = 40")
    assert kept.fetchall() == [("svd", 901, 101)]


def test_a_crash_while_publishing_leaves_the_last_version_in_force(connection: Connection, database_url: str) -> None:
    publish(connection, SETTINGS)
    before = published(connection)
    learn_cell(connection, "svd", 400, 600)
    a_second_passes(connection)
    connection.execute(CRASH_AT_COMMIT)
    with connect(database_url) as doomed, pytest.raises(psycopg.OperationalError):
        publish(doomed, SETTINGS)
    assert published(connection) == before
