"""Every minute: counts what the site's own application wrote, settles lists whose silence is over, and publishes.

It also sums the site's own rows and shadows, some days a minute, and moves treatment's share of visitors. Decides
nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import sleep
from typing import Any, Final, cast

import boto3
from bandit_selector.errors import DatabaseUnavailable, RatingsNotReadable
from bandit_selector.services.site_ratings import read_site_ratings
from bandit_selector.settings import Settings, read_settings
from bandit_selector.store import shadow_sums
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.credentials import database_url
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.inbox import WRONG_ROWS, absorb, set_aside, waiting
from bandit_selector.store.outcomes import TURNS, settle
from bandit_selector.store.retention import make_partitions
from bandit_selector.store.site_history import sum_next_day
from bandit_selector.telemetry import Telemetry
from botocore.config import Config

from functions.feedback.publication import publish_posteriors
from functions.feedback.steering import steer_share

SETTINGS: Final = read_settings()
DATABASE: Final = Database(
    lambda: database_url(SETTINGS),
    statement_seconds=20,
    pooled=SETTINGS.database_pooled,
    patience=50,
    role=SETTINGS.database_role,
)
TELEMETRY: Final = Telemetry("settle")
AWS: Final = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})

PATIENCE: Final = timedelta(minutes=10)  # until a list is settled, when silence does not count
BATCH: Final = 1_000  # lists in one transaction: consumers wait for its locks on cells for a fraction of a second
PARTITION_TRIES: Final = 20  # two seconds of a minute
INBOX: Final = 500  # impressions in one transaction; the site's application may wait for its end
DAYS: Final = 5  # days of the site's own rows, and of shadows, that are summed in one minute
ENOUGH_MS: Final = 15_000  # time left at which the next minute goes on


@TELEMETRY.handling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Settles everything due at the event's `time` (ISO 8601), batch by batch, while the function's time lasts."""
    now = datetime.fromisoformat(event["time"])

    def time_is_left() -> bool:
        return bool(context.get_remaining_time_in_millis() > ENOUGH_MS)

    if SETTINGS.site_ratings == "on":
        read_ratings(now, time_is_left)
    hear_the_site(now, time_is_left)
    settled = settle_due(now, SETTINGS, DATABASE, time_is_left)
    TELEMETRY.count("ListsSettled", settled)
    publish_posteriors(DATABASE, SETTINGS, TELEMETRY)
    steer_share(now, SETTINGS, DATABASE, TELEMETRY, bucket)
    mend_partitions(now, DATABASE)
    sum_history(now, SETTINGS, DATABASE, time_is_left)
    return {"settled": settled}


def bucket() -> Any:
    """A client of S3, made only when there is a mail to post."""
    return cast("Any", boto3.client("s3", config=AWS))


def read_ratings(now: datetime, time_is_left: Callable[[], bool]) -> None:
    """Counts what the site's own backend wrote; a failure is logged, and settling goes on."""
    try:
        new = DATABASE.run(lambda connection: read_site_ratings(connection, now, SETTINGS, time_is_left))
    except RatingsNotReadable as error:
        TELEMETRY.logger.warning(str(error))
    except Exception:  # the next minute reads them
        TELEMETRY.logger.exception("The site's ratings could not be read; the next minute tries again")
    else:
        TELEMETRY.count("SiteRatings", new)


def hear_the_site(now: datetime, time_is_left: Callable[[], bool]) -> None:
    """Counts what the site's application said; a failure is logged, and settling goes on."""
    try:
        TELEMETRY.count("SiteFeedback", absorb_inbox(now, SETTINGS, DATABASE, time_is_left))
    except Exception:  # nothing of it is lost: the next minute tries again
        TELEMETRY.logger.exception("What the site's application said could not be counted; the next minute tries again")


def absorb_inbox(now: datetime, settings: Settings, database: Database, time_is_left: Callable[[], bool]) -> int:
    """Counts everything that the site's application said about our impressions; returns about how many it spoke."""
    counted, last, rule = 0, INBOX, Rule.of(settings)
    while last == INBOX and time_is_left():
        try:
            last = database.run(lambda connection: absorb(connection, rule, now, INBOX))
        except WRONG_ROWS:
            last = _absorb_one_by_one(now, rule, database, time_is_left)
        counted += last
    return counted


def _absorb_one_by_one(now: datetime, rule: Rule, database: Database, time_is_left: Callable[[], bool]) -> int:
    """The same for one batch; a row that cannot be counted is set aside with its reason, and holds up no other."""
    due = database.run(lambda connection: waiting(connection, INBOX))
    for event_id in due:
        if not time_is_left():
            return 0
        try:
            database.run(lambda connection, event_id=event_id: absorb(connection, rule, now, 1, event_id))
        except WRONG_ROWS as error:
            reason = str(error).partition("\n")[0]
            database.run(lambda connection, event_id=event_id, reason=reason: set_aside(connection, event_id, reason))
            TELEMETRY.count("SiteFeedbackSetAside", 1)
            TELEMETRY.logger.warning(f"What the site's application said about {event_id} is set aside: {reason}")
    return len(due)


def sum_history(now: datetime, settings: Settings, database: Database, time_is_left: Callable[[], bool]) -> int:
    """Sums up to DAYS days of the site's own rows, and as many of shadows; returns how many."""
    rule, changes = Rule.of(settings), settings.outcomes_change_for
    sums: tuple[Callable[[Connection], object], ...] = (
        lambda connection: sum_next_day(connection, now, rule),
        lambda connection: shadow_sums.sum_next_day(connection, now, changes),
    )
    return sum(_repeat(one, database, time_is_left) for one in sums)


def _repeat(work: Callable[[Connection], object], database: Database, time_is_left: Callable[[], bool]) -> int:
    """Does up to DAYS days' work, while there is some; returns for how many days there was."""
    done = 0
    while done < DAYS and time_is_left() and database.run(work):
        done += 1
    return done


def settle_due(now: datetime, settings: Settings, database: Database, time_is_left: Callable[[], bool]) -> int:
    """Settles all lists whose silence is over at `now`, or as many as there is time for; returns how many."""
    shown_before, rule = now - (settings.silence_counts_after or PATIENCE), Rule.of(settings)
    settled = 0
    for turn in range(TURNS):
        last = BATCH
        while last == BATCH and time_is_left():
            last = database.run(lambda own, turn=turn: settle(own, shown_before, rule, now, BATCH, turn))
            settled += last
    return settled


def mend_partitions(now: datetime, database: Database) -> None:
    """Makes the weekly tables of today and tomorrow if the nightly archive has not; the next minute tries again."""
    try:
        made = database.run(lambda own: make_partitions(own, now, sleep, timedelta(days=1), PARTITION_TRIES))
    except DatabaseUnavailable as error:
        TELEMETRY.logger.warning(f"Weekly tables are missing and could not be made: {error}")
        return
    if made:
        TELEMETRY.logger.warning("Weekly tables were missing and are made now; see why the archive fails", made=made)
