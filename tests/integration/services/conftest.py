"""Moto's AWS, an empty bucket with the archive in it, and a service with a week of traffic."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from bandit_selector.services.archive import Shelf
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database, connect

from functions.archive.bucket import Bucket, shelf
from functions.archive.parquet import Desk, desk
from functions.monitor.courier import Outside
from infra.local.postgres import Postgres
from tests.integration.activity import copy_database, live
from tests.integration.events import load_site
from tests.integration.services.monitored import LENIENT, NINE, Service

NUMBERS = count()


@pytest.fixture(scope="module")
def aws(moto: str) -> Outside:
    session = boto3.Session("test", "test", region_name="eu-central-1")
    return Outside(
        s3=session.client("s3", endpoint_url=moto),
        sns=session.client("sns", endpoint_url=moto),
        sqs=session.client("sqs", endpoint_url=moto),
    )


@pytest.fixture(scope="module")
def s3(aws: Outside) -> Any:
    return aws.s3


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


@pytest.fixture(scope="session")
def lived(server: Postgres, template: str) -> str:
    """The name of a database with a week of 6,000 impressions, to copy from."""
    url = copy_database(server, template, "lived_until_nine")
    with connect(url) as connection:
        load_site(connection, users=400, movies=500)
        live(connection, NINE, impressions=6000, days=6.9)
        connection.execute("UPDATE recommendation_candidates SET updated_at = %s", [NINE - timedelta(hours=6)])
    return "lived_until_nine"


@pytest.fixture
def service(server: Postgres, lived: str, aws: Outside) -> Iterator[Service]:
    name = f"monitor_{next(NUMBERS)}"
    url = copy_database(server, lived, name)
    dead = aws.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = aws.sqs.create_queue(
        QueueName=f"{name}-feedback",
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})},
    )["QueueUrl"]
    inbox = aws.sqs.create_queue(QueueName=f"{name}-inbox")["QueueUrl"]
    topic = aws.sns.create_topic(Name=f"{name}-alerts")["TopicArn"]
    inbox_arn = aws.sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox_arn)
    bucket = name.replace("_", "-")
    aws.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    settings = Settings.model_validate(
        {"feedback_queue_url": queue, "report_bucket": bucket, "alert_topic_arn": topic, **LENIENT}
    )
    with closing(Database(lambda: url)) as database:
        yield Service(database, aws, settings, inbox, url)
