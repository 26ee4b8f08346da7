"""`./dev explain`: the recorded draw, and every arm's posterior."""

from contextlib import closing

import pytest
from bandit_selector.errors import UnknownEvent
from bandit_selector.services.explain import explain
from bandit_selector.services.publish import publish
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, Database

from functions.select.handler import respond
from infra.local.commands.explain import sentences
from tests.builders import learn_cell
from tests.integration.events import http_event, load_site

SETTINGS = Settings()


def test_an_impression_is_explained_by_its_draw_and_by_every_arms_belief(
    connection: Connection, database_url: str
) -> None:
    load_site(connection)
    learn_cell(connection, "svd", 400, 600, key="evening|weekday|cold_start")
    publish(connection, SETTINGS)
    with closing(Database(lambda: database_url)) as database:
        respond(http_event({"user_id": "1", "limit": "1"}), SETTINGS, database)
        respond(http_event({"user_id": "1", "limit": "1", "use_bandit": "false"}), SETTINGS, database)
    drawn_event, control_event = _events(connection)
    found = explain(connection, drawn_event, SETTINGS)
    beliefs = {belief.arm: belief for belief in found.beliefs}
    drawn = beliefs[found.shown.algorithm.removeprefix("bandit_")]
    assert set(beliefs) == set(GUIDE_ARMS)
    assert found.shown.propensity == pytest.approx(drawn.probability)
    assert (beliefs["svd"].successes, beliefs["svd"].failures) == (400, 600)
    assert beliefs["svd"].low < 0.4 < beliefs["svd"].high
    assert beliefs["svd"].own > 0.9 > beliefs["graph"].own == 0
    for belief in beliefs.values():
        assert belief.own + belief.borrowed + belief.prior == pytest.approx(1)
    arm, first = found.shown.algorithm.removeprefix("bandit_"), " ".join(sentences(found))
    assert f"Why: the bandit drew {arm} for this place. Its chance was {drawn.probability:.1%}" in first
    assert f"Of {arm}'s movies {drawn.mean:.1%} are expected to succeed here" in first
    assert "Its outcome is not known yet." in first
    assert "Nothing was drawn" in " ".join(sentences(explain(connection, control_event, SETTINGS)))


def test_an_event_that_is_not_there_is_named(connection: Connection) -> None:
    with pytest.raises(UnknownEvent, match="No event 7"):
        explain(connection, 7, SETTINGS)


def _events(connection: Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM recommendation_events ORDER BY id").fetchall()]
