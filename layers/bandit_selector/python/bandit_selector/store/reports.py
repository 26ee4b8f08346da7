"""Reports, incidents and mails as the monitor keeps them: what was made, what was told, what has still to go out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bandit_selector.health.facts import Alert
from bandit_selector.health.incidents import Incident, Mail
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock


@dataclass(frozen=True, slots=True)
class Unsent:
    """A mail that has to go out."""

    id: int
    subject: str
    body: str


def lock(connection: Connection) -> None:
    """Waits until no other run writes reports; released with the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.REPORT])


def newest_day(connection: Connection, period_days: int) -> date | None:
    """The newest day that has the monitor's own report on this window."""
    row = connection.execute(
        "SELECT max(day) FROM monitor_reports WHERE period_days = %s AND attempts > 0", [period_days]
    ).fetchone()
    return row[0] if row else None


def attempted(connection: Connection, day: date, period_days: int) -> bool:
    """Whether this day's report is there already; if so, one more attempt is noted."""
    return bool(
        connection.execute(
            "UPDATE monitor_reports SET attempts = attempts + 1 WHERE day = %s AND period_days = %s AND attempts > 0",
            [day, period_days],
        ).rowcount
    )


def add(connection: Connection, day: date, period_days: int, report: dict[str, Any], now: datetime) -> None:
    """Adds the monitor's own report; one made by hand for the same day and window makes room."""
    connection.execute(
        """
        INSERT INTO monitor_reports (day, period_days, report, made_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (day, period_days) DO UPDATE
        SET report = excluded.report, made_at = excluded.made_at, attempts = 1, stored_at = NULL
        """,
        [day, period_days, json.dumps(report), now],
    )


def add_by_hand(connection: Connection, day: date, period_days: int, report: dict[str, Any], now: datetime) -> None:
    """Adds a report for the dashboard, with 0 attempts: it is not delivered, and the monitor's own of the day stays."""
    connection.execute(
        """
        INSERT INTO monitor_reports (day, period_days, report, made_at, stored_at, attempts)
        VALUES (%(day)s, %(days)s, %(report)s, %(now)s, %(now)s, 0)
        ON CONFLICT (day, period_days) DO UPDATE SET report = excluded.report, made_at = excluded.made_at
        WHERE monitor_reports.attempts = 0
        """,
        {"day": day, "days": period_days, "report": json.dumps(report), "now": now},
    )


def newest(connection: Connection) -> dict[str, Any] | None:
    """The newest report."""
    row = connection.execute("SELECT report FROM monitor_reports ORDER BY day DESC, made_at DESC LIMIT 1").fetchone()
    return row[0] if row else None


def of_day(connection: Connection, day: date) -> dict[str, Any] | None:
    """The newest report of a day."""
    row = connection.execute(
        "SELECT report FROM monitor_reports WHERE day = %s ORDER BY made_at DESC LIMIT 1", [day]
    ).fetchone()
    return row[0] if row else None


def history(connection: Connection, most: int) -> list[dict[str, Any]]:
    """What the newest report of each of the last `most` days says in short, newest day first."""
    rows = connection.execute(
        """
        SELECT jsonb_build_object('day', day, 'period_days', period_days, 'made_at', made_at,
            'overall_status', report -> 'overall_status', 'version', coalesce(report ->> 'version', ''),
            'alerts', (
                SELECT coalesce(jsonb_agg(jsonb_build_object('metric', alert -> 'metric',
                    'severity', alert -> 'severity', 'headline', alert -> 'headline')), '[]')
                FROM jsonb_array_elements(report -> 'alerts') AS alert
            ))
        FROM (SELECT DISTINCT ON (day) * FROM monitor_reports ORDER BY day DESC, made_at DESC LIMIT %s) AS newest
        ORDER BY day DESC
        """,
        [most],
    )
    return [listed for (listed,) in rows]


def not_stored(connection: Connection) -> list[tuple[date, int, dict[str, Any]]]:
    """(day, window, report) of every report that the bucket has not taken, oldest first."""
    rows = connection.execute(
        "SELECT day, period_days, report FROM monitor_reports WHERE stored_at IS NULL ORDER BY day"
    )
    return [(day, period_days, report) for day, period_days, report in rows]


def stored(connection: Connection, day: date, period_days: int, now: datetime) -> None:
    connection.execute(
        "UPDATE monitor_reports SET stored_at = %s WHERE day = %s AND period_days = %s", [now, day, period_days]
    )


def open_incidents(connection: Connection, zone: ZoneInfo) -> list[Incident]:
    """What is broken as far as the team was told; times as the clocks of `zone` show them."""
    rows = connection.execute(
        "SELECT metric, check_name, headline, severity, opened_at, mailed_at FROM monitor_incidents"
        " WHERE closed_at IS NULL"
    )
    return [
        Incident(metric, check, headline, severity, opened_at.astimezone(zone), mailed_at)
        for metric, check, headline, severity, opened_at, mailed_at in rows
    ]


def tell(connection: Connection, mails: Sequence[Mail], alerts: Sequence[Alert], now: datetime) -> None:
    """Writes the mails, and what they say of the incidents."""
    by_metric = {alert.metric: alert for alert in alerts}
    for mail in mails:
        write(connection, mail, now)
        if mail.kind == "recovery":
            connection.execute(
                "UPDATE monitor_incidents SET closed_at = %s WHERE metric = %s AND closed_at IS NULL",
                [now, mail.metric],
            )
        else:
            alert = by_metric[mail.metric]
            connection.execute(
                """
                INSERT INTO monitor_incidents (metric, check_name, headline, severity, opened_at, mailed_at)
                VALUES (%(metric)s, %(check)s, %(headline)s, %(severity)s, %(now)s, %(now)s)
                ON CONFLICT (metric) WHERE closed_at IS NULL DO UPDATE
                SET headline = excluded.headline, severity = excluded.severity, mailed_at = excluded.mailed_at
                """,
                {
                    "metric": alert.metric,
                    "check": alert.check,
                    "headline": alert.headline,
                    "severity": alert.severity,
                    "now": now,
                },
            )


def write(connection: Connection, mail: Mail, now: datetime) -> None:
    """Writes one mail, which goes out afterwards."""
    connection.execute(
        "INSERT INTO monitor_mails (kind, metric, subject, body, written_at) VALUES (%s, %s, %s, %s, %s)",
        [mail.kind, mail.metric, mail.subject, mail.body, now],
    )


def unsent(connection: Connection) -> list[Unsent]:
    """The mails that have to go out, oldest first; taking them counts as an attempt."""
    rows = connection.execute(
        "UPDATE monitor_mails SET attempts = attempts + 1 WHERE sent_at IS NULL RETURNING id, subject, body"
    )
    return sorted((Unsent(*row) for row in rows), key=lambda mail: mail.id)


def sent(connection: Connection, mail_id: int, now: datetime) -> None:
    connection.execute("UPDATE monitor_mails SET sent_at = %s WHERE id = %s", [now, mail_id])
