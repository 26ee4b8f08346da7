"""Reports made by hand, and reports that cannot be used, on a real database with moto's AWS."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from bandit_selector.errors import DeliveryFailed
from bandit_selector.pages.printed import printed
from bandit_selector.services.report import Report, make_report
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database
from bandit_selector.store.reports import add, add_by_hand, newest

from functions.monitor import analytics
from infra.local.__main__ import main
from tests.integration.services.monitored import NINE, NOTHING_NOW, Service, attempts


def test_an_empty_window_is_no_alarm(database_url: str) -> None:
    with closing(Database(lambda: database_url)) as database:
        found = make_report(database.connection(), 7, NINE, Settings(), NOTHING_NOW)
    assert found.overall_status == "unknown"
    assert {check.status for check in found.checks.values()} == {"no_data"}
    assert printed(found).splitlines()[-3] == "⚪ No alerts, but too little data to call the system healthy."
    assert "✅" not in printed(found)


def test_the_command_prints_and_keeps_the_report_and_tells_nobody(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", service.url)
    monkeypatch.chdir(tmp_path)
    assert main(["monitor", "--days", "30", "--html", "report.html"]) == 0
    said = capsys.readouterr().out
    assert "RECOMMENDATION SYSTEM MONITORING REPORT" in said
    assert "Period: Last 30 days" in said
    assert "💾 Report saved to: monitoring_report.json" in said
    assert Report.model_validate_json((tmp_path / "monitoring_report.json").read_text()).period_days == 30
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert [number for _, number in attempts(service)] == [0]
    shown = analytics.READINGS["GET /analytics/health"](service.database.connection(), {}, service.settings)
    assert Report.model_validate(shown).period_days == 30


def test_a_report_by_hand_keeps_the_monitors_own_from_nothing(service: Service) -> None:
    report = make_report(service.database.connection(), 7, NINE, service.settings, NOTHING_NOW).model_dump(mode="json")
    add_by_hand(service.database.connection(), NINE.date(), 7, report, NINE)
    service.at(NINE)
    assert [number for _, number in attempts(service)] == [1]
    assert service.stored("reports/latest.json")
    add_by_hand(service.database.connection(), NINE.date(), 7, report | {"overall_status": "unknown"}, NINE)
    assert newest(service.database.connection()) != report | {"overall_status": "unknown"}


def test_a_report_of_another_version_is_given_up_once(service: Service) -> None:
    add(service.database.connection(), NINE.date() - timedelta(days=1), 7, {"of": "another version"}, NINE)
    with pytest.raises(DeliveryFailed, match="another version"):
        service.at(NINE)
    service.at(NINE + timedelta(hours=1))
