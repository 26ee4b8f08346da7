"""The monitor's run at the end of a demo, between two of the courier: its report and the mails from an inbox.

Invokes both as their schedules do and reads the results; must not judge health itself.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from infra.local.emulation.aws import client
from infra.local.emulation.event_source import PATIENCE_SECONDS, TAKE, insist
from infra.local.installation import Installation

FILES: Final = ("report.html", "report.json")
LINK_SECONDS: Final = 7 * 86_400  # the longest that S3 allows


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as a subscriber of the alerts receives it."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """`status` is the report's overall status, `page` a copy of it that outlives the service, `address` its place in
    the bucket, `link` where a browser gets it from there while the service runs."""

    status: str
    page: Path
    address: str
    link: str
    mails: tuple[Mail, ...]


async def inspect(service: Installation, moment: str, folder: Path) -> Inspection:
    """Runs monitor and courier at `moment` (ISO 8601) and copies report.html and report.json to `folder`.

    Raises InvocationFailed or Throttled, after the monitor or the courier has tried to deliver report and mails.
    """
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    await service.invoke("courier", {"time": moment})
    answer: dict[str, str] = json.loads(await service.invoke("monitor", {"time": moment}))
    await service.invoke("courier", {"time": moment})
    address = answer["address"]
    link = await asyncio.to_thread(_copy, client("s3", service.addresses.aws_endpoint), address, folder)
    mails = [mail async for mail in _mails(service)]
    status: str = json.loads((folder / "report.json").read_text())["overall_status"]
    return Inspection(status, folder / "report.html", address, link, tuple(mails))


def _copy(s3: Any, address: str, folder: Path) -> str:
    """Both files of the day whose page has this address; returns a signed link to that page, the bucket is private."""
    bucket, _, page = address.removeprefix("s3://").partition("/")
    for name in FILES:
        s3.download_file(bucket, f"{page.rpartition('/')[0]}/{name}", str(folder / name))
    link: str = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": page}, LINK_SECONDS)
    return link


async def _mails(service: Installation) -> AsyncGenerator[Mail]:
    """Every mail in the inbox, which is empty afterwards."""
    ask = partial(insist, service.session, service.addresses.inbox)
    while messages := (await ask("ReceiveMessage", PATIENCE_SECONDS, MaxNumberOfMessages=TAKE)).get("Messages"):
        for message in messages:
            notification = json.loads(message["Body"])
            yield Mail(notification["Subject"], notification["Message"])
            await ask("DeleteMessage", PATIENCE_SECONDS, ReceiptHandle=message["ReceiptHandle"])
