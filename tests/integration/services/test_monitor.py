"""The 9 AM run on a real database, with a bucket, a topic and a queue of moto's server."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bandit_selector.errors import DeliveryFailed, InvalidRequest, NoReport
from bandit_selector.pages.printed import printed
from bandit_selector.services.report import Report, make_report
from bandit_selector.settings import Settings

from functions.monitor import analytics
from functions.monitor.handler import FRESH, dead_letters
from tests.integration.events import http_event
from tests.integration.services.monitored import NINE, NOTHING_NOW, Service, attempts


def test_a_report_lies_in_the_bucket_and_nobody_is_mailed_while_all_is_well(service: Service) -> None:
    assert service.at(NINE)["reports"] == ["2026-06-10"]
    kept = Report.model_validate_json(service.stored("reports/2026/06/10/report.json"))
    assert kept.overall_status == "healthy"
    assert kept.checks["quality"].metrics["total_events"] == 6000
    assert kept.checks["learning"].metrics["invariant"] == "holds"
    assert kept.checks["feedback"].metrics["dead_letters"] == 0
    assert kept.ab_test.verdict == "higher"
    assert service.stored("reports/latest.json") == service.stored("reports/2026/06/10/report.json")
    html = service.stored("reports/2026/06/10/report.html")
    assert "All is well" in html
    assert kept.ab_test.sentence.replace("'", "&#x27;") in html
    for metric in ("Click-through rate", "Rating conversion", "Average rating", "Thumbs up", "Thumbs down"):
        assert f'<th scope="row">{metric}</th>' in html
    assert html.index(">Diversity<") < html.index(">Engagement<") < html.index(">Candidates<")
    assert html.count("The same as a table") == 3
    assert "<script" not in html
    assert service.mails() == []


def test_a_repeated_event_changes_nothing_but_attempts(service: Service) -> None:
    service.at(NINE, min_ctr=0.9)
    assert len(service.mails()) == 1
    assert service.at(NINE + timedelta(minutes=1), min_ctr=0.9)["reports"] == []
    assert attempts(service) == [("2026-06-10", 2)]
    assert service.mails() == []


def test_missed_days_are_made_up_at_the_next_run(service: Service) -> None:
    service.at(NINE - timedelta(days=3))
    assert service.at(NINE)["reports"] == ["2026-06-08", "2026-06-09", "2026-06-10"]
    totals = [
        Report.model_validate_json(service.stored(f"reports/2026/06/{day}/report.json")).checks["quality"].metrics
        for day in ("07", "08", "09", "10")
    ]
    shown = [int(str(metrics["total_events"])) for metrics in totals]
    assert shown == sorted(shown)
    assert shown[0] < shown[-1] == 6000


def test_a_report_made_later_counts_what_was_shown_until_then(service: Service) -> None:
    """On whole UTC days: the day of the missed report was not over at its hour."""
    service.at(NINE - timedelta(days=3))
    service.at(NINE)
    for day in ("08", "09"):
        test = Report.model_validate_json(service.stored(f"reports/2026/06/{day}/report.json")).ab_test
        until = datetime(2026, 6, int(day), tzinfo=UTC)
        rows = service.database.connection().execute(
            """
            SELECT ab_group, count(*), sum(count(*)) OVER ()
            FROM (SELECT DISTINCT ON (user_id) user_id, ab_group FROM bandit_lists WHERE created_at < %s
                  ORDER BY user_id, id) AS first
            GROUP BY ab_group
            """,
            [until],
        )
        users = {group: number for group, number, _ in rows.fetchall()}
        shown = (
            service.database.connection()
            .execute("SELECT count(*) FROM recommendation_events WHERE created_at < %s", [until])
            .fetchone()
        )
        assert {name: group.users for name, group in test.groups.items()} == users
        assert shown == (sum(group.total_recommendations for group in test.groups.values()),)
        assert test.until == until


def test_a_day_is_the_teams_own(service: Service) -> None:
    tokyo = service.settings.model_copy(
        update={"time_zone": Settings.model_validate({"time_zone": "Asia/Tokyo"}).time_zone}
    )
    late = replace(service, settings=tokyo)
    assert late.at(datetime(2026, 6, 9, 23, tzinfo=UTC))["reports"] == ["2026-06-10"]


def test_an_incident_is_mailed_once_then_daily_and_when_it_is_over(service: Service) -> None:
    strict = {"min_avg_rating": 4.5, "min_lists": 100, "dashboard_url": "https://example.com/dashboard"}
    service.at(NINE, **strict)
    (subject, body), *others = service.mails()
    assert others == []
    assert subject.startswith("[CRITICAL] Bandit Selector: average rating 2.")
    assert subject.endswith(" below 4.50")
    assert "What to do: " in body
    assert "Since: Wednesday, 10 June 2026, 09:00 UTC" in body
    assert "Report: https://example.com/dashboard#report=2026-06-10" in body
    assert "s3://" not in body
    service.at(NINE + timedelta(days=1), **strict)
    ((subject, body),) = service.mails()
    assert subject.startswith("[CRITICAL] Bandit Selector: still: average rating")
    assert "Since: Wednesday, 10 June 2026, 09:00 UTC (24 hours)" in body
    service.at(NINE + timedelta(days=2), min_lists=100)
    ((subject, body),) = service.mails()
    assert subject.startswith("[RECOVERED] Bandit Selector: average rating")
    service.at(NINE + timedelta(days=3), min_lists=100)
    assert service.mails() == []


def test_an_incident_is_not_over_for_lack_of_data(service: Service) -> None:
    service.at(NINE, min_avg_rating=4.5)
    assert len(service.mails()) == 1
    service.at(NINE + timedelta(days=1), min_lists=100_000)
    assert service.mails() == []


def test_a_failing_topic_holds_up_nothing_else_and_its_mail_goes_out_later(service: Service) -> None:
    service.at(NINE, min_ctr=0.9)
    with pytest.raises(DeliveryFailed, match="1 of 1 mails did not go out"):
        service.carry(NINE, alert_topic_arn="arn:aws:sns:eu-central-1:123456789012:missing")
    assert json.loads(service.stored("reports/latest.json"))["overall_status"] == "warning"
    assert [subject for subject, _ in service.mails()] == ["[WARNING] Bandit Selector: CTR 12.37% below 90.00%"]
    assert service.mails() == []


def test_a_failing_bucket_gets_report_and_mail_later(service: Service) -> None:
    with pytest.raises(DeliveryFailed, match="2 of the monitor's deliveries"):
        service.at(NINE, min_ctr=0.9, report_bucket="missing")
    assert service.mails() == []
    service.at(NINE + timedelta(minutes=1), min_ctr=0.9)
    assert service.stored("reports/2026/06/10/report.json")
    assert len(service.mails()) == 1


def test_dead_letters_are_an_incident(service: Service) -> None:
    dead = service.settings.feedback_queue_url.replace("-feedback", "-dead")
    service.outside.sqs.send_message(QueueUrl=dead, MessageBody="{}")
    service.at(NINE)
    ((subject, _),) = service.mails()
    assert subject == "[CRITICAL] Bandit Selector: 1 feedback message could not be counted"
    assert dead_letters(service.outside.s3, NINE, service.settings) == 1
    service.carry(NINE, feedback_queue_url=f"{dead}-missing")
    assert dead_letters(service.outside.s3, NINE, service.settings) is None


def test_a_count_of_dead_letters_that_is_old_or_missing_is_unknown(service: Service) -> None:
    assert dead_letters(service.outside.s3, NINE, service.settings) is None
    service.carry(NINE)
    assert dead_letters(service.outside.s3, NINE + FRESH / 2, service.settings) == 0
    assert dead_letters(service.outside.s3, NINE + FRESH, service.settings) is None


def test_stored_sums_that_are_wrong_are_an_incident(service: Service) -> None:
    service.database.connection().execute("UPDATE bandit_states SET alpha = alpha + 1 WHERE algorithm = 'svd'")
    service.at(NINE)
    ((subject, body),) = service.mails()
    assert subject == "[CRITICAL] Bandit Selector: what was learned does not agree with the recorded events"
    assert "svd" in body


def test_the_newest_report_is_the_health_route(service: Service) -> None:
    event = http_event(scope="analytics", at=NINE) | {"routeKey": "GET /analytics/health"}
    with pytest.raises(NoReport):
        analytics.respond(event, service.settings, service.database)
    service.at(NINE)
    body = analytics.respond(event, service.settings, service.database)["body"]
    assert json.loads(body) == json.loads(service.stored("reports/latest.json"))


def test_the_printed_form_is_the_guides(service: Service) -> None:
    text = printed(make_report(service.database.connection(), 7, NINE, service.settings, NOTHING_NOW))
    lines = text.splitlines()
    assert lines[:10] == [
        "=" * 60,
        "RECOMMENDATION SYSTEM MONITORING REPORT",
        "=" * 60,
        "",
        "Timestamp: 2026-06-10T09:00:00+00:00",
        "Period: Last 7 days",
        "Overall Status: HEALTHY",
        "",
        "📊 Health Checks:",
        "",
    ]
    assert "✅ Diversity: OK\n   Metrics:\n      • long_tail_percentage: 0.9" in text
    assert "✅ Algorithm Balance: OK\n\n✅ Engagement: OK\n" in text
    assert lines[-3:] == ["✅ No alerts - system is healthy!", "", "=" * 60]


def test_a_backfilled_report_leaves_out_what_only_the_present_knows(service: Service) -> None:
    service.at(NINE - timedelta(days=2))
    service.at(NINE)
    backfilled = Report.model_validate_json(service.stored("reports/2026/06/09/report.json"))
    today = Report.model_validate_json(service.stored("reports/2026/06/10/report.json"))
    assert backfilled.checks["candidates"].metrics["age_hours"] is None
    assert backfilled.checks["feedback"].metrics["dead_letters"] is None
    assert today.checks["feedback"].metrics["dead_letters"] == 0
    assert backfilled.checks["learning"].metrics["invariant"] == "holds"


def test_every_day_with_a_report_is_listed_and_opens(service: Service) -> None:
    assert answered(service, "GET /analytics/reports") == {"reports": []}
    service.at(NINE, min_avg_rating=4.5, min_lists=100)
    service.at(NINE + timedelta(days=1), min_lists=100)
    newest, first = answered(service, "GET /analytics/reports")["reports"]
    assert (newest["day"], first["day"]) == ("2026-06-11", "2026-06-10")
    assert [alert["metric"] for alert in first["alerts"]] == ["avg_rating"]
    for listed in (newest, first):
        report = answered(service, "GET /analytics/reports/{day}", day=listed["day"])
        assert report["overall_status"] == listed["overall_status"]
        assert [alert["headline"] for alert in report["alerts"]] == [one["headline"] for one in listed["alerts"]]
    with pytest.raises(NoReport):
        answered(service, "GET /analytics/reports/{day}", day="2026-06-09")
    with pytest.raises(InvalidRequest, match="day"):
        answered(service, "GET /analytics/reports/{day}", day="yesterday")


def answered(service: Service, route: str, **path: str) -> Any:
    event = http_event(scope="analytics", at=NINE) | {"routeKey": route, "pathParameters": path}
    return json.loads(analytics.respond(event, service.settings, service.database)["body"])
