"""The shell's credentials, for commands that ask AWS; what AWS refuses becomes a sentence. Knows no service."""

import os
from collections.abc import Generator
from contextlib import contextmanager

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.errors import LocalError


class Refused(LocalError):
    """AWS refused, or could not be asked; the message is its own."""


@contextmanager
def refusals(failed: str) -> Generator[None]:
    """Raises Refused, which begins with `failed`, for what AWS does not answer within the block."""
    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise Refused(f"{failed}: {error}") from error


def shell_session() -> boto3.Session:
    """The shell's credentials and region; boto3 itself does not read AWS_REGION, as CDK and the functions do."""
    with refusals("The shell's AWS profile cannot be used"):
        return boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
