"""The clock's half of feedback: every minute, impressions whose silence is over are visited, and beliefs published."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from bandit_selector.settings import Settings, read_settings
from bandit_selector.store.connection import Database
from bandit_selector.store.credentials import database_url
from bandit_selector.store.outcomes import Rule, settle
from bandit_selector.telemetry import Telemetry

from functions.feedback.publication import publish_posteriors

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS), statement_seconds=20, pooled=SETTINGS.database_pooled, patience=50
)
TELEMETRY: Final = Telemetry("settle")

PATIENCE: Final = timedelta(minutes=10)  # before the visit, when silence does not count
BATCH: Final = 5_000
ENOUGH_MS: Final = 15_000  # time left at which the next minute goes on


@TELEMETRY.flushing
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Visits everything due at the event's `time` (ISO 8601), batch by batch, while the function's time lasts."""
    now = datetime.fromisoformat(event["time"])
    settled = settle_due(now, SETTINGS, DATABASE, lambda: context.get_remaining_time_in_millis() > ENOUGH_MS)
    TELEMETRY.count("ImpressionsSettled", settled)
    publish_posteriors(DATABASE, SETTINGS, TELEMETRY)
    return {"settled": settled}


def settle_due(now: datetime, settings: Settings, database: Database, time_is_left: Callable[[], bool]) -> int:
    """Visits all impressions whose silence is over at `now`, or as many as time is left for; returns how many."""
    shown_before = now - (settings.silence_counts_after or PATIENCE)
    settled, visited = 0, BATCH
    while visited == BATCH and time_is_left():
        visited = database.run(lambda connection: settle(connection, shown_before, Rule.of(settings), now, BATCH))
        settled += visited
    return settled
