"""The analytics routes on a real database, against the deployment guide's own query on the same rows."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, LiteralString

import pytest
from bandit_selector.errors import InvalidRequest, MissingScope, OutdatedReport
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database, connect
from bandit_selector.store.outcomes import settle
from bandit_selector.store.verification import first_difference

from functions.monitor.analytics import READINGS, handler, respond
from infra.local.postgres import Postgres
from tests.builders import RULE
from tests.integration.activity import copy_database, live
from tests.integration.events import context, http_event

SETTINGS = Settings()

GUIDE: Final[LiteralString] = """
SELECT
    CASE
        WHEN algorithm LIKE 'bandit_%' THEN 'treatment'
        WHEN algorithm = 'hybrid_control' THEN 'control'
        ELSE 'other'
    END as ab_group,
    COUNT(*) as total_recs,
    SUM(CASE WHEN clicked THEN 1 ELSE 0 END)::float / COUNT(*) * 100 as ctr,
    AVG(rating_value) as avg_rating,
    SUM(CASE WHEN thumbs_up THEN 1 ELSE 0 END) as thumbs_up,
    SUM(CASE WHEN thumbs_down THEN 1 ELSE 0 END) as thumbs_down
FROM recommendation_events
WHERE created_at > NOW() - INTERVAL '7 days'
GROUP BY ab_group;
"""


@pytest.fixture(scope="module")
def now() -> datetime:
    return datetime.now(UTC)  # the guide's query asks the server's clock


@pytest.fixture(scope="module")
def lived_url(server: Postgres, template: str, now: datetime) -> str:
    """A week of 6,000 impressions, made once for all tests of this module."""
    url = copy_database(server, template, "lived")
    with connect(url) as connection:
        live(connection, now, impressions=6000, days=6.9)
    return url


@pytest.fixture
def database(lived_url: str) -> Iterator[Database]:
    with closing(Database(lambda: lived_url)) as opened:
        yield opened


def event_of(route: str, at: datetime, scope: str = "openid analytics", **query: str) -> dict[str, Any]:
    return http_event(query, scope=scope, at=at) | {"routeKey": f"GET {route}"}


def rows_of(database: Database, query: LiteralString) -> list[tuple[Any, ...]]:
    return database.connection().execute(query).fetchall()


def ask(database: Database, route: str, at: datetime, settings: Settings = SETTINGS, **query: str) -> dict[str, Any]:
    found = respond(event_of(route, at, **query), settings, database)
    assert found["statusCode"] == 200
    return json.loads(found["body"])


def test_groups_agree_with_the_guides_query(database: Database, now: datetime) -> None:
    answer = ask(database, "/analytics/performance", now, days="7")
    groups = answer["groups"]
    assert {name: one["total_clicks"] for name, one in groups.items()} == {
        name: one["total_clicks"] for name, one in answer["ab_test"]["groups"].items()
    }
    by_guide = database.connection().execute(GUIDE).fetchall()
    assert {name for name, *_ in by_guide} == {"treatment", "control"}
    for name, shown, ctr, avg_rating, thumbs_up, thumbs_down in by_guide:
        found = groups[name]
        assert (found["total_recommendations"], found["total_thumbs_up"], found["total_thumbs_down"]) == (
            shown,
            thumbs_up,
            thumbs_down,
        )
        assert found["ctr"] == pytest.approx(ctr)
        assert found["avg_rating"] == pytest.approx(avg_rating)
    assert first_difference(database.connection()) is None


@pytest.mark.parametrize("hours", Random(17).sample(range(1, 160), 6))
def test_every_number_of_the_test_has_its_window(database: Database, now: datetime, hours: int) -> None:
    """From the next UTC midnight after the start, up to now, whatever `days` is."""
    start = now - timedelta(hours=hours)
    test = ask(database, "/analytics/performance", now, Settings(experiment_start=start), days="1")["ab_test"]
    since = (start + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = database.connection().execute(
        """
        WITH shown AS (
            SELECT *, bandit_group(algorithm) AS ab_group FROM recommendation_events WHERE created_at >= %s
        )
        SELECT g, count(*), count(*) FILTER (WHERE clicked), count(*) FILTER (WHERE rated)
        FROM unnest(ARRAY['treatment', 'control']) AS g LEFT JOIN shown ON ab_group = g GROUP BY g
        """,
        [since],
    )
    for group, shown, clicked, rated in rows.fetchall():
        found = test["groups"][group]
        known = (found["total_recommendations"], found["total_clicks"], found["total_ratings"])
        assert known == ((shown, clicked, rated) if clicked else (0, 0, 0))
    assert "the test counts whole UTC days, so it begins at" in test["notes"][0]
    assert now - datetime.fromisoformat(test["until"]) < timedelta(milliseconds=1)


def test_a_test_that_begins_later_has_an_empty_window_and_says_so(database: Database, now: datetime) -> None:
    begins = (now + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    test = ask(database, "/analytics/performance", now, Settings(experiment_start=begins), days="1")["ab_test"]
    assert datetime.fromisoformat(test["since"]) == datetime.fromisoformat(test["until"]) == begins
    assert test["sentence"] == "Nothing was shown in this test yet."
    assert f"The test begins at {begins:%Y-%m-%d} 00:00 UTC; what is shown before does not count." in test["notes"]


def test_a_split_that_is_not_tested_is_not_told_to_be_right(database: Database, now: datetime) -> None:
    for share, told in ((1.0, True), (0.5, False)):
        test = ask(database, "/analytics/performance", now, Settings(treatment_share=share), days="1")["ab_test"]
        assert any("so the split of visitors is not tested" in note for note in test["notes"]) is told


def test_visitors_are_counted_once_each_by_their_first_group(database: Database, now: datetime) -> None:
    groups = ask(database, "/analytics/performance", now, days="1")["ab_test"]["groups"]
    counted = rows_of(
        database,
        "SELECT ab_group, count(*)::integer FROM (SELECT DISTINCT ON (user_id) bandit_group(algorithm) AS ab_group"
        " FROM recommendation_events ORDER BY user_id, created_at) AS first GROUP BY 1",
    )
    assert {name: groups[name]["users"] for name, _ in counted} == dict(counted)


def test_figures_do_not_jump_when_the_clock_settles(database: Database, now: datetime) -> None:
    routes = ("/analytics/performance", "/analytics/recommendations/stats")
    unsettled = (
        database.connection().execute("SELECT count(*) FROM recommendation_events WHERE settled_at IS NULL").fetchone()
    )
    assert unsettled is not None
    assert unsettled[0] > 0
    before = [ask(database, route, now) for route in routes]
    settle(database.connection(), now + timedelta(seconds=1), RULE, now, limit=10_000)
    assert [ask(database, route, now) for route in routes] == before


def test_a_test_that_pays_is_read_out_in_a_sentence(database: Database, now: datetime) -> None:
    test = ask(database, "/analytics/performance", now)["ab_test"]
    lift = test["metrics"]["ctr"]["lift"]
    assert test["verdict"] == "higher"
    assert 0 < lift["percent_low"] < 50 < lift["percent_high"] < 110
    assert lift["p"] < 0.05
    assert test["sentence"].startswith("So far treatment's CTR is ")
    assert "you may look every day" in test["sentence"]
    assert test["sample_ratio"]["planned_percent"] == 50
    assert test["metrics"]["thumbs_up_rate"]["lift"] is None


def test_the_test_within_each_context_has_the_rows_rates_and_no_verdict(database: Database, now: datetime) -> None:
    contexts = ask(database, "/analytics/performance", now)["ab_test"]["contexts"]
    rows = rows_of(
        database,
        "SELECT context->>'context_key', bandit_group(algorithm), 100 * avg(clicked::int)::float, avg(rating_value)"
        " FROM recommendation_events GROUP BY 1, 2",
    )
    assert {key for key, *_ in rows} == set(contexts)
    for key, group, ctr, stars in rows:
        assert contexts[key]["metrics"]["ctr"][group] == pytest.approx(ctr)
        assert contexts[key]["metrics"]["avg_rating"][group] == pytest.approx(stars)
    assert all(found["sentence"].endswith("The verdict is the whole test's.") for found in contexts.values())


def test_a_split_that_is_not_as_planned_blocks_the_verdict(database: Database, now: datetime) -> None:
    test = ask(database, "/analytics/performance", now, Settings(treatment_share=0.8))["ab_test"]
    assert test["verdict"] == "sample_ratio_mismatch"
    assert "cannot be compared" in test["sentence"]


def test_a_window_does_not_move_the_verdict(database: Database, now: datetime) -> None:
    answers = [ask(database, "/analytics/performance", now, days=days) for days in ("1", "7", "365")]
    assert answers[0]["ab_test"] == answers[1]["ab_test"] == answers[2]["ab_test"]
    assert answers[0]["groups"] != answers[1]["groups"]


def test_bandit_stats_are_the_states(database: Database, now: datetime) -> None:
    stats = ask(database, "/analytics/bandit/stats", now)
    states = (
        database.connection().execute("SELECT context_key, algorithm, alpha, total_pulls FROM bandit_states").fetchall()
    )
    detailed = stats["detailed_stats"]
    assert {(c["context_key"], c["algorithm"], c["alpha"], c["total_pulls"]) for c in detailed.values()} == set(states)
    assert detailed["evening|weekend|regular_svd"]["algorithm"] == "svd"
    summary = stats["summary"]
    assert summary["total_contexts"] == 24
    assert summary["overall_success_rate"] == pytest.approx(
        summary["total_successes"] / (summary["total_successes"] + summary["total_failures"])
    )
    assert sum(arm["selection_rate"] for arm in stats["algorithm_summary"].values()) == pytest.approx(1)
    one = ask(database, "/analytics/bandit/stats", now, context_key="evening|weekend|regular")
    assert one["summary"]["total_contexts"] == 1
    assert stats["silence"]["rule"] == "shown"
    assert "within 10 minutes" in stats["silence"]["sentence"]


def test_recommendation_stats_are_the_rows(database: Database, now: datetime) -> None:
    stats = ask(database, "/analytics/recommendations/stats", now, days="7")
    rows = (
        database.connection()
        .execute(
            "SELECT count(*), count(*) FILTER (WHERE clicked), count(*) FILTER (WHERE rated), avg(rating_value)"
            " FROM recommendation_events"
        )
        .fetchone()
    )
    assert rows is not None
    assert [stats[f"total_{name}"] for name in ("recommendations", "clicks", "ratings")] == list(rows[:3])
    assert stats["avg_rating"] == pytest.approx(rows[3])
    assert stats["overall_ctr"] == pytest.approx(100 * rows[1] / rows[0])


def test_the_contexts_timelines_add_up_to_the_whole(database: Database, now: datetime) -> None:
    whole = ask(database, "/analytics/timeline", now)
    parts = [ask(database, "/analytics/timeline", now, context_key=key) for key in whole["contexts"]]
    assert shown_of([whole]) == shown_of(parts) == sum(context["shown"] for context in whole["contexts"].values())
    assert all(part["contexts"] == whole["contexts"] for part in parts)


def shown_of(timelines: list[dict[str, Any]]) -> int:
    return sum(
        group["shown"] for timeline in timelines for point in timeline["points"] for group in point["groups"].values()
    )


def test_the_timeline_adds_up(database: Database, now: datetime) -> None:
    daily = ask(database, "/analytics/timeline", now, Settings(time_zone="Asia/Tokyo"), days="7")  # pyright: ignore[reportArgumentType]
    hourly = ask(database, "/analytics/timeline", now, days="7", resolution="hour")
    assert (daily["resolution"], hourly["resolution"]) == ("day", "hour")
    for line in (daily, hourly):
        assert sum(group["shown"] for point in line["points"] for group in point["groups"].values()) == 6000
        for point in line["points"]:
            arms = [one["share"] for name, one in point["algorithms"].items() if name.startswith("bandit_")]
            assert not arms or sum(arms) == pytest.approx(100)
    assert all(point["at"].endswith("T15:00:00Z") for point in daily["points"])  # midnight in Tokyo
    assert sum(context["share"] for context in daily["contexts"].values()) == pytest.approx(100)
    widths = [point["percent_high"] - point["percent_low"] for point in daily["lift"]]
    assert len(widths) > 3
    assert widths[-1] < widths[0]


def test_no_data_is_an_answer(database_url: str, now: datetime) -> None:
    with closing(Database(lambda: database_url)) as empty:
        test = ask(empty, "/analytics/performance", now)["ab_test"]
        assert test["verdict"] == "no_control"
        assert ask(empty, "/analytics/recommendations/stats", now)["avg_rating"] is None
        assert ask(empty, "/analytics/timeline", now)["points"] == []
        assert ask(empty, "/analytics/bandit/stats", now)["summary"]["overall_success_rate"] == 0


@pytest.mark.parametrize("days", ["0", "366", "soon"])
def test_a_window_that_cannot_be_is_named(database_url: str, now: datetime, days: str) -> None:
    with closing(Database(lambda: database_url)) as unused, pytest.raises(InvalidRequest, match="days"):
        respond(event_of("/analytics/performance", now, days=days), SETTINGS, unused)


@pytest.mark.parametrize("route", READINGS)
def test_figures_need_the_scope(database_url: str, now: datetime, route: str) -> None:
    with closing(Database(lambda: database_url)) as unused, pytest.raises(MissingScope, match="analytics"):
        respond(event_of(route.removeprefix("GET "), now, scope="openid"), SETTINGS, unused)


def test_a_database_that_is_away_is_said_in_plain_words(now: datetime) -> None:
    found = handler(event_of("/analytics/performance", now), context())  # the handler's own settings name no database
    assert found["statusCode"] == 503
    assert found["headers"]["content-type"] == "application/problem+json"


def test_a_report_of_another_version_is_no_fault_of_the_caller(database_url: str, now: datetime) -> None:
    of_day = event_of("/analytics/reports/{day}", now) | {"pathParameters": {"day": str(now.date())}}
    with closing(Database(lambda: database_url)) as database:
        database.connection().execute(
            "INSERT INTO monitor_reports (day, period_days, made_at, report) VALUES (%s, 7, %s, '{}')",
            [now.date(), now],
        )
        for event in (event_of("/analytics/health", now), of_day):
            with pytest.raises(OutdatedReport):
                respond(event, SETTINGS, database)
