"""Shapes of sites that are refused, each by a sentence that names the object and the remedy."""

from typing import LiteralString

import pytest
from bandit_selector.errors import SiteRefused
from bandit_selector.store.connection import Connection
from bandit_selector.store.migrate import migrate

REFUSED: dict[LiteralString, str] = {
    "ALTER TABLE bandit_states ADD shard int NOT NULL DEFAULT 1; ALTER TABLE bandit_states ALTER shard DROP DEFAULT": (
        "bandit_states.shard is NOT NULL without a default"
    ),
    "ALTER TABLE recommendation_events RENAME created_at TO shown_at": "recommendation_events has no column created_at",
    "CREATE TABLE recommendation_events_site ()": "recommendation_events_site exists already",
    "UPDATE bandit_states SET context_key = 'evening|weekend|regular' WHERE id = 1": "'evening|weekend|regular'",
    "ALTER TABLE recommendation_events RENAME TO events; CREATE VIEW recommendation_events AS SELECT * FROM events": (
        "recommendation_events is a view of the site"
    ),
    "ALTER TABLE recommendation_events ENABLE ROW LEVEL SECURITY": "recommendation_events has row-level security",
    "ALTER TABLE bandit_states ENABLE ROW LEVEL SECURITY": "bandit_states has row-level security",
    "ALTER TABLE recommendation_events ALTER user_id TYPE uuid USING gen_random_uuid()": (
        "recommendation_events.user_id is of the type uuid, which cannot hold"
    ),
    "ALTER TABLE recommendation_events ALTER clicked_at TYPE bigint USING 0": "clicked_at is of the type bigint",
    "CREATE TYPE algo AS ENUM ('svd'); ALTER TABLE recommendation_events ALTER algorithm TYPE algo USING 'svd'": (
        "recommendation_events.algorithm is of the type algo, which cannot hold"
    ),
    "CREATE TABLE feedback_events (id int)": "feedback_events is a table of the site",
    "CREATE VIEW movie_popularity AS SELECT 1 AS movie_id": "movie_popularity is a view of the site",
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.items(), ids=range(len(REFUSED)))
def test_it_is_refused_and_nothing_is_changed(site: Connection, change: LiteralString, reason: str) -> None:
    site.execute(change)
    with pytest.raises(SiteRefused, match=r"Nothing was changed") as refused:
        migrate(site)
    assert reason in str(refused.value)
    assert site.execute("SELECT to_regclass('bandit_migrations')").fetchone() == (None,)
