"""The daily reports in short, for /analytics/reports. Must not know routes or SQL."""

from datetime import date, datetime

from bandit_selector.answers.stats import Answer
from bandit_selector.health.facts import Overall, Severity


class ToldAlert(Answer):
    """One alert of a report in short."""

    metric: str
    severity: Severity
    headline: str


class ListedReport(Answer):
    """One day's report; `version` is that of the function that made it, empty where it has none."""

    day: date
    period_days: int
    made_at: datetime
    overall_status: Overall
    version: str
    alerts: list[ToldAlert]


class Reports(Answer):
    """GET /analytics/reports: the newest report of each day that has one, newest day first."""

    reports: list[ListedReport]
