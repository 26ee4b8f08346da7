"""Writes a mail when an incident begins, one a day while it lasts, one when it ends. Sends nothing; knows no clock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from bandit_selector.health.facts import Alert

Kind: TypeAlias = Literal["alert", "reminder", "recovery"]

REMIND_AFTER: Final = timedelta(hours=20)
"""Less than a day, so that a daily run that starts a little early still reminds."""


BRAKE: Final = "brake"


@dataclass(frozen=True, slots=True)
class Incident:
    """An alert that has not ended yet; `mailed_at` is when the team last got a mail about it."""

    metric: str
    check: str
    headline: str
    severity: str
    opened_at: datetime
    mailed_at: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to the team; SNS allows one line of 100 ASCII characters as the subject."""

    kind: Kind
    metric: str
    subject: str
    body: str


def mails(
    alerts: Sequence[Alert],
    open_incidents: Sequence[Incident],
    unjudged: Collection[str],
    now: datetime,
    report_url: str,
) -> list[Mail]:
    """The mails to write now about these alerts, given the open incidents and when each was last mailed.

    `unjudged` names the checks and the metrics that had too little evidence this time; their incidents stay open.
    """
    known = {incident.metric: incident for incident in open_incidents}
    current = {alert.metric for alert in alerts}
    new = [_mail("alert", alert, now, now, report_url) for alert in alerts if alert.metric not in known]
    lasting = [
        _mail("reminder", alert, known[alert.metric].opened_at, now, report_url)
        for alert in alerts
        if alert.metric in known and now - known[alert.metric].mailed_at >= REMIND_AFTER
    ]
    over = [
        _recovery(incident, now, report_url)
        for metric, incident in known.items()
        if metric not in current and not {metric, incident.check} & set(unjudged)
    ]
    return [*new, *lasting, *over]


def brake_mail(why: str, before: float, after: float, now: datetime) -> Mail:
    """The one mail when the brake takes treatment's share of visitors a step back."""
    body = f"""{why[0].upper()}{why[1:]}.

Share of visitors in treatment: {before:.0%} until now, {after:.0%} from now on
Since: {now:%A, %d %B %Y, %H:%M %Z}
What to do: find out why (./dev stats, ./dev explain). The share never goes up again by itself. To go on, plan it again:
another RAMP or TREATMENT_SHARE, or the same with another EXPERIMENT_SALT for a test from the start.

You get this mail once.
"""
    return Mail("alert", BRAKE, _subject(f"[CRITICAL] Bandit Selector: treatment's share braked to {after:.0%}"), body)


def _mail(kind: Kind, alert: Alert, since: datetime, now: datetime, report_url: str) -> Mail:
    still = "still: " if kind == "reminder" else ""
    body = f"""{_sentence(alert.headline)}

{_lines(("What it means", alert.meaning), ("What to do", alert.advice))}
Since: {since:%A, %d %B %Y, %H:%M %Z} ({_age(now - since)})

{_lines(("Report", report_url), ("Figures", f"{_sentence(alert.message)} {alert.detail}"), ("Setting", alert.setting))}

You get one mail when this begins, one a day while it lasts, and one when it is over.
"""
    return Mail(
        kind, alert.metric, _subject(f"[{alert.severity.upper()}] Bandit Selector: {still}{alert.headline}"), body
    )


def _recovery(incident: Incident, now: datetime, report_url: str) -> Mail:
    body = f"""Over: {incident.headline}.

First seen: {incident.opened_at:%A, %d %B %Y, %H:%M %Z}
Within its limits again after: {_age(now - incident.opened_at)}
{_lines(("Report", report_url))}
"""
    return Mail("recovery", incident.metric, _subject(f"[RECOVERED] Bandit Selector: {incident.headline}"), body)


def _lines(*named: tuple[str, str]) -> str:
    """A line `Name: text` for each text that is there."""
    return "\n".join(f"{name}: {text}" for name, text in named if text)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def _subject(text: str) -> str:
    plain = text.replace("–", "-").replace("−", "-").encode("ascii", "ignore").decode()
    return plain if len(plain) <= 100 else f"{plain[:97]}..."


def _age(span: timedelta) -> str:
    if span < timedelta(hours=1):
        return "new" if not span else f"{span // timedelta(minutes=1)} minutes"
    if span < timedelta(days=2):
        return f"{span / timedelta(hours=1):.0f} hours"
    return f"{span.days} days"
