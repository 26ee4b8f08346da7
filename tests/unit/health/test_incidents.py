"""Incidents mail when they begin, daily while they last, and when they are over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bandit_selector.health.facts import Alert
from bandit_selector.health.incidents import Incident, mails

NOW = datetime(2026, 6, 10, 9, tzinfo=UTC)
ALERT = Alert(
    severity="critical",
    metric="ctr",
    value=0.05,
    threshold=0.1,
    message="CTR (5.00%) below threshold (10.00%)",
    headline="CTR 5.00% below 10.00%",
    detail="9,000 lists.",
    advice="Look.",
    check="engagement",
)


def told(alerts: list[Alert], hours: float | None, unjudged: tuple[str, ...] = ()) -> list[str]:
    """Kinds of the mails now, when the incident was mailed `hours` ago (None: never)."""
    known = [] if hours is None else [Incident("ctr", "engagement", "CTR", "critical", NOW, NOW)]
    return [mail.kind for mail in mails(alerts, known, unjudged, NOW + timedelta(hours=hours or 0), "s3://report")]


def test_an_incident_is_told_when_it_begins_daily_and_when_it_is_over() -> None:
    assert told([ALERT], None) == ["alert"]
    assert told([ALERT], 1) == []
    assert told([ALERT], 24) == ["reminder"]
    assert told([], 24) == ["recovery"]
    assert told([], 24, ("engagement",)) == []


def test_subjects_are_what_the_topic_takes() -> None:
    long = replace(ALERT, headline=f"“{'x' * 200}”")
    (mail,) = mails([long], [], (), NOW, "s3://report")
    assert len(mail.subject) <= 100
    assert mail.subject.isascii()
