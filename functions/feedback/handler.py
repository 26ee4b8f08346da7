"""The queue's consumer: a batch of feedback in, outcomes and learned counts moved, once each."""

import gc
from hashlib import sha256
from typing import Any, Final

from bandit_selector.feedback import Message, read_message, read_messages
from bandit_selector.settings import Settings, read_settings
from bandit_selector.store.connection import Database
from bandit_selector.store.credentials import database_url
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import Applied, apply
from bandit_selector.telemetry import Telemetry

from functions.feedback.publication import publish_posteriors

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS),
    statement_seconds=20,
    plan_once=True,
    pooled=SETTINGS.database_pooled,
    patience=55,
    role=SETTINGS.database_role,
)
TELEMETRY: Final = Telemetry("feedback")
gc.freeze()  # what is imported stays: no batch of thousands of messages has it searched for garbage


@TELEMETRY.handling
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers one batch of the event source with the records that failed."""
    return consume(event, DATABASE, SETTINGS)


def consume(event: dict[str, Any], database: Database, settings: Settings) -> dict[str, Any]:
    """Applies one batch of SQS records in one transaction.

    A record that can never be read fails alone, and SQS moves it to the dead letters; when the database fails, the
    exception leaves here and SQS delivers the whole batch again.
    """
    records = event["Records"]
    read = read_messages([record["body"] for record in records])
    messages = [message for message in read if isinstance(message, Message)]
    poison = [record for record, message in zip(records, read, strict=True) if not isinstance(message, Message)]
    if messages:
        now = max(message.received_at for message in messages)
        log_applied(database.run(lambda connection: apply(connection, messages, Rule.of(settings), now)), len(messages))
        publish_posteriors(database, settings, TELEMETRY)
    for record in poison:
        body = record["body"]
        # Enough to find it among the dead letters, and nothing of what it says.
        TELEMETRY.logger.error(
            str(read_message(body)),
            message_id=record["messageId"],
            body_sha256=sha256(body.encode()).hexdigest(),
            body_length=len(body),
        )
    TELEMETRY.count("FeedbackPoison", len(poison))
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in poison]}


def log_applied(applied: Applied, delivered: int) -> None:
    """Logs what moved in the words that operators look for, all cells of a batch in one line, and counts."""
    log_outcomes("Bandit success", {change.cell: change.successes for change in applied.changes if change.successes})
    log_outcomes("Bandit failure", {change.cell: change.failures for change in applied.changes if change.failures})
    TELEMETRY.count("FeedbackApplied", applied.new)
    TELEMETRY.count("FeedbackRepeated", delivered - applied.new)
    TELEMETRY.count("FeedbackUnattributed", applied.unattributed)
    TELEMETRY.count("Successes", sum(change.successes for change in applied.changes))
    TELEMETRY.count("Failures", sum(change.failures for change in applied.changes))


def log_outcomes(words: str, cells: dict[str, int]) -> None:
    """One line: by how much each cell's count moved; a conversion takes one from the failures."""
    if cells:
        TELEMETRY.logger.info(words, total=sum(cells.values()), cells=cells)
