"""Moves treatment's share of visitors, and posts a mail at once when the brake has. Decides nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bandit_selector.errors import DeliveryFailed
from bandit_selector.outbox import posted
from bandit_selector.services.daily import send_mails
from bandit_selector.services.ramp import steer
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database
from bandit_selector.store.reports import Unsent
from bandit_selector.store.shares import Share
from bandit_selector.telemetry import Telemetry
from botocore.exceptions import BotoCoreError, ClientError


def steer_share(
    now: datetime, settings: Settings, database: Database, telemetry: Telemetry, connect: Callable[[], Any]
) -> Share | None:
    """Follows the plan and looks at the brake; `connect` makes a client of S3.

    A failure is logged, and the next minute tries again. A mail that the bucket does not take goes there with the
    monitor's next run.
    """
    try:
        made = database.run(lambda connection: steer(connection, settings, now))
    except Exception:  # settling is done; a share that stays for a minute harms nobody
        telemetry.logger.exception("Treatment's share could not be steered; the next minute tries again")
        return None
    if made:
        telemetry.logger.info("Treatment's share is new", share=made.share, braked=made.braked, why=made.why)
    if made and made.braked:
        _mail(now, settings, database, telemetry, connect())
    return made


def _mail(now: datetime, settings: Settings, database: Database, telemetry: Telemetry, s3: Any) -> None:
    def send(mail: Unsent) -> None:
        try:
            s3.put_object(Bucket=settings.report_bucket, **posted(mail.id, mail.subject, mail.body))
        except (BotoCoreError, ClientError) as error:
            raise DeliveryFailed(str(error)) from error

    for failure in database.run(lambda connection: send_mails(connection, now, send)):
        telemetry.logger.error("The brake's mail could not be posted; the monitor tries again", exc_info=failure)
