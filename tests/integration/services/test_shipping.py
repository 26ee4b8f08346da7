"""Where a team stands, as stats, goals, report and dashboard tell it."""

import json
from datetime import timedelta

import pytest
from bandit_selector.answers.stats import BanditStats
from bandit_selector.pages.report import page
from bandit_selector.services.report import Now, make_report
from bandit_selector.services.shipping import read_goals, read_shipping
from bandit_selector.settings import Settings
from bandit_selector.store import evaluations, shares
from bandit_selector.store.connection import Connection
from bandit_selector.store.shares import Share

from functions.monitor.analytics import bandit_stats
from tests.integration.activity import live
from tests.integration.events import NOW, http_event, load_site

SETTINGS = Settings()
ROBUST = {"estimate": 0.12, "low": 0.1, "high": 0.14}
VALUE = {"doubly_robust": ROBUST, "lift": {"estimate": 0.2, "low": 0.1, "high": float("inf")}}
ANSWER = {
    "impressions": 1000,
    "served": 0.1,
    "policies": [
        {"policy": "svd", "what": "", "refusal": None, "value": VALUE},
        {"policy": "long_tail", "what": "", "refusal": "The log does not show it."},
    ],
}


def test_before_the_first_list_nothing_is_claimed(connection: Connection) -> None:
    found = read_shipping(connection, SETTINGS, NOW)
    assert (found.share, found.shadow, found.history, found.evaluation) == (None, None, [], None)
    assert "met" not in {goal.state for goal in read_goals(connection, SETTINGS, NOW)}


def test_goals_are_ticked_from_what_was_shown_and_heard(connection: Connection) -> None:
    load_site(connection, users=100)
    live(connection, NOW, impressions=3000, days=5)
    goals = {goal.name: goal for goal in read_goals(connection, SETTINGS, NOW)}
    assert goals["Bandit table created and populated"].state == "met"
    assert goals["All algorithms have some pulls"].state == "met"
    assert goals["Feedback loop working (alpha/beta changing)"].state == "met"
    assert goals["No critical monitoring alerts"].state == "cannot be known"
    assert "of" in goals["Diversity maintained (no single algo > 70%)"].figure


def test_the_share_in_force_and_the_brake_are_told_until_the_plan_is_another(connection: Connection) -> None:
    plan = SETTINGS.share_plan
    shares.add(connection, Share(plan, 0.5, False, "planned", NOW - timedelta(days=1), NOW.date()))
    shares.add(connection, Share(plan, 0.05, True, "The lift is at most −7 %.", NOW, NOW.date()))
    share = read_shipping(connection, SETTINGS, NOW).share
    assert share is not None
    assert (share.percent, share.braked, share.why) == (5, True, "The lift is at most −7 %.")
    assert read_shipping(connection, Settings(treatment_share=0.2), NOW).share is None


def test_the_newest_evaluation_is_kept_for_those_who_look(connection: Connection) -> None:
    evaluations.keep(connection, ANSWER, NOW - timedelta(days=1))
    evaluations.keep(connection, ANSWER, NOW)
    found = read_shipping(connection, SETTINGS, NOW).evaluation
    assert found is not None
    assert found.made_at == NOW
    assert (found.policies[0].per_100, found.policies[0].lift_high) == (pytest.approx(12), None)
    assert found.policies[1].refusal == "The log does not show it."


def test_the_dashboards_answer_has_it_beside_what_is_learned(connection: Connection) -> None:
    answer = bandit_stats(connection, http_event(scope="analytics"), Settings(bandit="shadow"))
    assert isinstance(answer, BanditStats)
    assert json.loads(answer.model_dump_json())["shipping"]["bandit"] == "shadow"


def test_a_simulation_says_so_before_its_report_says_anything(connection: Connection) -> None:
    report = make_report(connection, 7, NOW, Settings(), Now.read(connection, 0, NOW, Settings()))
    said = page(report, "A world of <dice>.")
    assert "<strong>Simulated</strong> A world of &lt;dice&gt;." in said
    assert said.index("Simulated") < said.index("<h1>")
    assert "Simulated" not in page(report)


def test_the_report_says_shadow_before_any_figure_and_has_the_goals(connection: Connection) -> None:
    load_site(connection, users=20)
    live(connection, NOW, impressions=300, days=2)
    evaluations.keep(connection, ANSWER, NOW)
    shadow = Settings(bandit="shadow")
    connection.execute(
        "INSERT INTO bandit_shadow_days VALUES (%s, 800, 4, 1, 800, 8000, 900, 3000, .8, 2.5, now())", [NOW]
    )
    connection.execute("INSERT INTO bandit_shadow_arms VALUES (%s, 'k', 'svd', 8000, 8000, 1300, 900, 60, 500)", [NOW])
    report = make_report(connection, 7, NOW, shadow, Now.read(connection, 0, NOW, shadow))
    text = page(report)
    assert len(report.goals) == 12
    assert text.index("SHADOW: every visitor gets the control list") < text.index("<main>")
    for words in ("Shadow: what the bandit would draw", "The deployment guide&#x27;s goals", "Before going live"):
        assert words.replace("&#x27;", "'") in text
    assert "What other policies would have earned" in text
    past = make_report(connection, 7, NOW, shadow, Now.read(connection, 0, NOW, shadow).as_backfilled())
    assert (past.goals, past.shipping) == ([], None)
