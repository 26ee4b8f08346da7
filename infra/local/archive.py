"""The archive's bucket for the operator's commands: in AWS by REPORT_BUCKET, else the running local service's."""

from typing import Any, cast

from bandit_selector.settings import read_settings

from functions.archive.bucket import Bucket
from infra.credentials import shell_session
from infra.local.emulation.aws import client
from infra.local.errors import LocalError
from infra.local.installation import running


class NoBucket(LocalError):
    """No bucket can be service."""

    def __init__(self) -> None:
        super().__init__("No bucket is known: start `./dev serve`, or name AWS's in REPORT_BUCKET.")


def open_bucket() -> Bucket:
    """The bucket that a command means; raises NoBucket."""
    if name := read_settings().report_bucket:
        return Bucket(cast("Any", shell_session()).client("s3"), name)
    service = running()
    if service is None:
        raise NoBucket
    return Bucket(client("s3", service[1].aws_endpoint), service[1].bucket)
