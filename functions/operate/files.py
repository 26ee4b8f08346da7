"""Files that an operator put into the bucket's folder imports/. Knows S3; must not know what a line means."""

from collections.abc import Iterator
from typing import Any, Final, cast

import boto3
from bandit_selector.errors import InvalidRequest
from botocore.config import Config

FOLDER: Final = "imports/"
AWS: Final = Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
CHUNK: Final = 1 << 20


def lines_of(bucket: str, key: str) -> Iterator[bytes]:
    """A file's content, chunk by chunk; raises InvalidRequest for a key outside the folder."""
    if not key.startswith(FOLDER):
        raise InvalidRequest([{"field": "key", "message": f"must begin with {FOLDER}", "value": key}])
    s3 = cast("Any", boto3.client("s3", config=AWS))
    yield from s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(CHUNK)
