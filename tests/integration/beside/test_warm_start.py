"""An existing installation's rows and cells become discounted evidence about the arms."""

from datetime import UTC, datetime

import pytest
from bandit_selector.learning.history import UNKNOWN, by_source
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.services.history import told_of
from bandit_selector.services.publish import publish
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.site_history import sum_next_day
from bandit_selector.store.verification import first_difference

from tests.builders import RULE

NOW = datetime.now(UTC)
SETTINGS = Settings()
ROWS = """
    SELECT replace(algorithm, 'bandit_', ''), count(*) FILTER (WHERE outcome = 'success'),
        count(*) FILTER (WHERE outcome = 'failure' OR outcome IS NULL)
    FROM recommendation_events_site
    CROSS JOIN LATERAL bandit_outcome(clicked, rating_value, thumbs_up, thumbs_down, 4, 2) AS outcome
    WHERE algorithm <> 'bandit_hybrid_fallback' AND replace(algorithm, 'bandit_', '') = ANY(%s) GROUP BY 1
"""


def sum_all(connection: Connection) -> int:
    days = 0
    while sum_next_day(connection, NOW, RULE):
        days += 1
    return days


def test_every_old_row_of_an_arm_is_told_once_by_context_where_the_row_has_it(adopted: Connection) -> None:
    sum_all(adopted)
    told = [one for one in told_of(adopted, SETTINGS) if one.source == "rows"]
    assert {arm: counts["rows"] for arm, counts in by_source(told).items()} == {
        arm: (successes, failures) for arm, successes, failures in adopted.execute(ROWS, [list(GUIDE_ARMS)])
    }
    assert {one.context_key for one in told} & {*CONTEXT_KEYS}
    assert {one.context_key for one in told} <= {*CONTEXT_KEYS, UNKNOWN}


def test_old_cells_speak_for_arms_without_rows_at_the_level_of_the_rows(adopted: Connection) -> None:
    sum_all(adopted)
    adopted.execute("DELETE FROM bandit_site_arms WHERE arm = 'svd'")
    told = by_source(told_of(adopted, SETTINGS))
    assert [*told["svd"]] == ["states"]
    assert {source for arm, sources in told.items() if arm != "svd" for source in sources} == {"rows"}
    rows = [told[arm]["rows"] for arm in told if arm != "svd"]
    level = sum(s for s, _ in rows) / sum(s + f for s, f in rows)
    successes, failures = told["svd"]["states"]
    assert successes / (successes + failures) == pytest.approx(level, rel=0.5)


def test_the_first_publication_knows_the_past_and_no_cell_has_moved(adopted: Connection) -> None:
    sum_all(adopted)
    before = adopted.execute("SELECT * FROM bandit_states ORDER BY id").fetchall()
    publish(adopted, SETTINGS)
    rows = adopted.execute(
        "SELECT algorithm, sum(history_successes + history_failures) FROM bandit_posteriors GROUP BY 1"
    ).fetchall()
    assert {arm for arm, outcomes in rows if outcomes > 0} == {*GUIDE_ARMS}
    assert all(outcomes <= 200 + 1e-6 for _, outcomes in rows)
    assert adopted.execute("SELECT * FROM bandit_states ORDER BY id").fetchall() == before
    assert first_difference(adopted) is None


def test_days_that_were_summed_by_a_former_version_are_told_once_more(adopted: Connection) -> None:
    sum_all(adopted)
    hours = adopted.execute("SELECT * FROM bandit_site_hours ORDER BY hour, algorithm").fetchall()
    adopted.execute("UPDATE bandit_site_days SET arms_summed = false")
    adopted.execute("DELETE FROM bandit_site_arms")
    assert sum_all(adopted) > 50
    assert adopted.execute("SELECT * FROM bandit_site_hours ORDER BY hour, algorithm").fetchall() == hours
    assert told_of(adopted, SETTINGS)
