"""An empty bucket in moto's S3, and the archive in it."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from bandit_selector.services.archive import Shelf
from moto.server import ThreadedMotoServer

from functions.archive.bucket import Bucket, shelf
from functions.archive.parquet import Desk, desk

NUMBERS = count()


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    yield boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)
    server.stop()


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    """An empty bucket that keeps old versions, as the stack's does."""
    name = f"archive-{next(NUMBERS)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Bucket(s3, name)


@pytest.fixture
def at_desk() -> Iterator[Desk]:
    with desk() as one:
        yield one


@pytest.fixture
def kept(bucket: Bucket, at_desk: Desk) -> Shelf:
    return shelf(bucket, at_desk)
