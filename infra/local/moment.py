"""What time it is for a command: the clock of the service that runs here, which in a demo is its visitors'."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from bandit_selector.settings import read_settings

from infra.local.installation import running

SECONDS: Final = 5


def now() -> datetime:
    """The running service's time, to the second; the real time without a service, and for a database of your own."""
    service = running()
    if service is None or read_settings().database_url:
        return datetime.now(UTC)
    try:
        with urlopen(f"{service[1].api}/health", timeout=SECONDS) as answer:  # noqa: S310 # our own address
            date = answer.headers["Date"]
    except HTTPError as error:
        date = error.headers["Date"]
    except (URLError, TimeoutError):
        return datetime.now(UTC)
    return parsedate_to_datetime(date) if date else datetime.now(UTC)
