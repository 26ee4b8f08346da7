"""A service whose 9 AM run is tested: its database, its AWS and its settings."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bandit_selector.services.report import Now
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database

from functions.monitor import courier, handler
from functions.monitor.courier import Outside

NOTHING_NOW = Now(dead_letters=None, difference=None, candidates_updated=None, partitions=None)
NINE = datetime(2026, 6, 10, 9, tzinfo=UTC)
LENIENT = {
    "min_ctr": 0.01,
    "min_avg_rating": 1.0,
    "min_long_tail_share": 0.0,
    "min_genre_diversity": 0.0,
    "max_candidate_age": timedelta(days=30),
    "max_feedback_silence": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its database, its AWS, and its settings."""

    database: Database
    outside: Outside
    settings: Settings
    inbox: str
    url: str

    def at(self, moment: datetime, **settings: Any) -> dict[str, Any]:
        """The monitor's run, and the courier's before it, which counts the dead letters."""
        self.carry(moment)
        return self.inspect(moment, **settings)

    def inspect(self, moment: datetime, **settings: Any) -> dict[str, Any]:
        """The monitor's run alone."""
        return handler.run(moment, 7, self.settings.model_copy(update=settings), self.database, self.outside.s3)

    def carry(self, moment: datetime, **settings: Any) -> int:
        """The courier's run; returns how many mails it sent."""
        return courier.run(moment, self.settings.model_copy(update=settings), self.outside)["mails"]

    def mails(self) -> list[tuple[str, str]]:
        """(subject, body) of the mails since the last call, those that waited until now among them."""
        self.carry(NINE)
        answer = self.outside.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10)
        found: list[dict[str, Any]] = answer.get("Messages", [])
        for message in found:
            self.outside.sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])
        bodies = [json.loads(message["Body"]) for message in found]
        return [(body["Subject"], body["Message"]) for body in bodies]

    def stored(self, key: str) -> str:
        return self.outside.s3.get_object(Bucket=self.settings.report_bucket, Key=key)["Body"].read().decode()


def attempts(service: Service) -> list[tuple[Any, ...]]:
    rows = service.database.connection().execute("SELECT day::text, attempts FROM monitor_reports ORDER BY day")
    return rows.fetchall()
