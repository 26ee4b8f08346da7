"""Queues, topic, bucket and key of the template, deployed into moto's CloudFormation and used.

moto stops there: it makes no RDS cluster, HTTP API, Cognito pool or schedule, and reaches for Docker to run a function.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

import boto3
import pytest
from bandit_selector.settings import GUIDE_ARMS
from moto.server import ThreadedMotoServer

from infra.service import FEEDBACK_QUEUE

from .synthesised import Synthesised

pytestmark = pytest.mark.xdist_group("infra")

KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-central-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """AWS on this machine."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def made(prod: Synthesised, endpoint: str) -> dict[str, str]:
    """Physical ids by logical id of everything the construct Messaging makes."""
    resources: dict[str, Any] = prod.template["Resources"]
    part = deepcopy({name: it for name, it in resources.items() if name.startswith("Messaging")})
    for resource in part.values():
        if resource["Type"] == "AWS::KMS::Key":
            del resource["Properties"]["Tags"]  # moto 5.2.5 cannot read a key's tags from a template
    cloud = _client("cloudformation", endpoint)
    cloud.create_stack(StackName="part", TemplateBody=json.dumps({"Resources": part}))
    assert cloud.describe_stacks(StackName="part")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    found = cloud.describe_stack_resources(StackName="part")["StackResources"]
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in found}


def test_a_message_that_always_fails_ends_among_the_dead_letters(made: dict[str, str], endpoint: str) -> None:
    sqs = _client("sqs", endpoint)
    feedback, dead = _one(made, "MessagingFeedback"), _one(made, "MessagingDeadLetters")
    sqs.send_message(QueueUrl=feedback, MessageBody=GUIDE_ARMS[0])
    for _ in range(FEEDBACK_QUEUE.attempts):
        (message,) = sqs.receive_message(QueueUrl=feedback)["Messages"]
        sqs.change_message_visibility(QueueUrl=feedback, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=feedback)
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == GUIDE_ARMS[0]


def test_the_topic_reaches_the_team(made: dict[str, str], endpoint: str) -> None:
    sns = _client("sns", endpoint)
    topic = _one(made, "MessagingAlerts", "arn:aws:sns")
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "team@example.com")
    assert sns.publish(TopicArn=topic, Subject="CTR", Message="below threshold")["MessageId"]


def test_the_bucket_keeps_versions_and_is_closed(made: dict[str, str], endpoint: str) -> None:
    s3 = _client("s3", endpoint)
    bucket = _one(made, "MessagingReports")
    for content in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="reports/latest.json", Body=content)
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2
    closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(closed.values()) == {True}


def _one(made: dict[str, str], prefix: str, value: str = "") -> str:
    """The shortest logical id with the prefix is the thing itself; its policies have longer ones."""
    found = {name: physical for name, physical in made.items() if name.startswith(prefix) and value in physical}
    return found[min(found, key=len)]


def _client(service: str, endpoint: str) -> Any:
    return cast("Any", boto3.client(service, endpoint_url=endpoint, **KEYS))
