"""Queues, topic, bucket and key of the template, deployed into moto's CloudFormation and used.

moto stops there: its CloudFormation makes no policies of queues and buckets, no versions, no mail subscription, no RDS
cluster, HTTP API, Cognito pool or schedule, and running a function there takes Docker.
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

KNOWN_TO_MOTO = {"AWS::KMS::Key", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket"}
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
    part = {name: it for name, it in part.items() if it["Type"] in KNOWN_TO_MOTO}
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


def test_the_topic_delivers(made: dict[str, str], endpoint: str) -> None:
    sns, sqs = _client("sns", endpoint), _client("sqs", endpoint)
    reader = sqs.create_queue(QueueName="reader")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=reader, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = _one(made, "MessagingAlerts")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Subject="CTR", Message="below threshold")
    assert "below threshold" in sqs.receive_message(QueueUrl=reader)["Messages"][0]["Body"]


def test_the_bucket_takes_a_report_encrypted(made: dict[str, str], endpoint: str) -> None:
    s3 = _client("s3", endpoint)
    bucket = _one(made, "MessagingReports")
    s3.put_object(Bucket=bucket, Key="reports/latest.json", Body=b"{}")
    assert s3.get_object(Bucket=bucket, Key="reports/latest.json")["Body"].read() == b"{}"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def _one(made: dict[str, str], prefix: str) -> str:
    (found,) = [physical for name, physical in made.items() if name.startswith(prefix)]
    return found


def _client(service: str, endpoint: str) -> Any:
    return cast("Any", boto3.client(service, endpoint_url=endpoint, **KEYS))
