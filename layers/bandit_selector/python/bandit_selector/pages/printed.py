"""The report as text, in the form of the deployment guide. Must not know where it is printed."""

from typing import Final

from bandit_selector.health.facts import Check, Status, Value
from bandit_selector.services.report import Report

LINE: Final = "=" * 60
SIGNS: Final[dict[Status, str]] = {"ok": "✅", "warning": "⚠️", "critical": "❌", "no_data": "⚪"}
NAMES_ONLY: Final = ("algorithm_balance", "engagement")
"""Checks whose figures the guide leaves out while their status is ok."""


def printed(report: Report) -> str:
    """The report as text, in the guide's form."""
    lines = [
        LINE,
        "RECOMMENDATION SYSTEM MONITORING REPORT",
        LINE,
        "",
        f"Timestamp: {report.timestamp.isoformat()}",
        f"Period: Last {report.period_days} days",
        f"Overall Status: {report.overall_status.upper()}",
        "",
        "📊 Health Checks:",
        "",
        *(line for name, check in report.checks.items() for line in _check(name, check)),
        *_alerts(report),
        "",
        LINE,
    ]
    return "\n".join(lines)


def _check(name: str, check: Check) -> list[str]:
    title = name.replace("_", " ").title()
    heading = f"{SIGNS[check.status]} {title}: {check.status.replace('_', ' ').upper()}"
    if name in NAMES_ONLY and check.status == "ok":
        return [heading, ""]
    figures = [f"      • {metric}: {_figure(value)}" for metric, value in check.metrics.items()]
    return [heading, "   Metrics:", *figures, ""] if figures else [heading, ""]


def _figure(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return "no data" if value is None else str(value)


def _alerts(report: Report) -> list[str]:
    if report.overall_status == "unknown":
        return ["⚪ No alerts, but too little data to call the system healthy."]
    if not report.alerts:
        return ["✅ No alerts - system is healthy!"]
    return [
        f"🚨 Alerts ({len(report.alerts)}):",
        *(f"   {SIGNS_OF[alert.severity]} [{alert.severity.upper()}] {alert.message}" for alert in report.alerts),
    ]


SIGNS_OF: Final = {"warning": "⚠️", "critical": "❌"}
