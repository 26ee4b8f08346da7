"""The archive's run at night, and erasing a visitor from it on request. Knows AWS only; the steps are the service's."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from time import sleep
from typing import Any, Final

import boto3
from bandit_selector.errors import ArchiveFailed
from bandit_selector.services import archive
from bandit_selector.settings import Settings, read_settings
from bandit_selector.store.connection import Database
from bandit_selector.store.credentials import database_url
from bandit_selector.telemetry import Telemetry
from botocore.config import Config

from functions.archive.bucket import Bucket, shelf
from functions.archive.parquet import desk

SETTINGS: Final = read_settings()
DATABASE: Final = Database(lambda: database_url(SETTINGS), statement_seconds=600, pooled=SETTINGS.database_pooled)
TELEMETRY: Final = Telemetry("archive")

AWS: Final = Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
ENOUGH_MS: Final = 180_000  # time left at which the next night goes on


@TELEMETRY.handling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Archives what is due at the event's `time` (ISO 8601); or erases the visitor whose id is `forget_user`.

    A repeated event does nothing twice.
    """
    bucket = Bucket(boto3.client("s3", config=AWS), SETTINGS.report_bucket)
    if "forget_user" in event:
        TELEMETRY.logger.warning("An operator erases a visitor", caller=event.get("caller", "unknown"))
        return {"impressions": forget(int(event["forget_user"]), datetime.now(UTC), DATABASE, bucket)}
    now = datetime.fromisoformat(event["time"])
    return run(now, SETTINGS, DATABASE, bucket, lambda: context.get_remaining_time_in_millis() > ENOUGH_MS)


def run(
    now: datetime, settings: Settings, database: Database, bucket: Bucket, time_is_left: Callable[[], bool]
) -> dict[str, Any]:
    """One night; raises ArchiveFailed at the end if a step failed: the rest is done, and the next run tries again."""
    with desk(Path(gettempdir())) as one:
        night = database.run_in_steps(
            lambda connection: archive.run(connection, now, settings, shelf(bucket, one), sleep, time_is_left)
        )
    TELEMETRY.count("ImpressionsArchived", night.impressions)
    done = {"partitions": night.partitions, "days": [str(day) for day in night.days], "dropped": night.dropped}
    TELEMETRY.logger.info("The archive has run", done=done)
    if night.failures:
        raise ArchiveFailed(f"{len(night.failures)} steps failed and will be tried again: {' '.join(night.failures)}")
    return done


def forget(user_id: int, now: datetime, database: Database, bucket: Bucket) -> int:
    """Erases a visitor from the tables and the archive; returns how many impressions went."""
    with desk(Path(gettempdir())) as one:
        return database.run_in_steps(
            lambda connection: sum(archive.forget(connection, user_id, shelf(bucket, one), now))
        )
