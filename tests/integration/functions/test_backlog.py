"""What waits in a real queue, and the answer when the queue cannot be read."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from bandit_selector.errors import MissingScope
from bandit_selector.settings import Settings

from functions.monitor.backlog import HURRIED, hurried_sqs, read_backlog
from functions.monitor.open_routes import QUEUE, respond
from infra.local.postgres import free_port
from tests.integration.events import http_event


@pytest.fixture
def sqs(moto: str) -> Any:
    return client(moto)


def client(address: str) -> Any:
    session: Any = boto3.Session("test", "test", region_name="eu-central-1")
    return session.client("sqs", endpoint_url=address, config=HURRIED)


def make_queue(sqs: Any, name: str) -> tuple[str, str]:
    """(feedback queue, its dead-letter queue)."""
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    return sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"], dead


def told(reasons: list[Exception]) -> Callable[[str, Exception], None]:
    return lambda _sentence, reason: reasons.append(reason)


def test_messages_are_counted_where_they_are(sqs: Any) -> None:
    reasons: list[Exception] = []
    queue, dead = make_queue(sqs, "counted")
    for _ in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody="{}")
    sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1)
    backlog = read_backlog(sqs, queue, told(reasons))
    assert (backlog.waiting, backlog.underway, backlog.dead_letters, backlog.sentence) == (2, 1, 0, "")
    sqs.send_message(QueueUrl=dead, MessageBody="{}")
    backlog = read_backlog(sqs, queue, told(reasons))
    assert backlog.dead_letters == 1
    assert backlog.sentence.startswith("1 message is in the dead-letter queue: read the consumer's log")


def test_a_queue_that_is_not_there_is_unknown_and_its_reason_is_told_apart(sqs: Any) -> None:
    reasons: list[Exception] = []
    queue, dead = make_queue(sqs, "going")
    sqs.delete_queue(QueueUrl=dead)
    half = read_backlog(sqs, queue, told(reasons))
    assert (half.waiting, half.dead_letters) == (0, None)
    assert half.sentence.startswith("The dead-letter queue could not be read; the log")
    sqs.delete_queue(QueueUrl=queue)
    gone = read_backlog(sqs, queue, told(reasons))
    assert (gone.waiting, gone.underway, gone.dead_letters) == (None, None, None)
    assert gone.sentence.startswith("The feedback queue could not be read; the log")
    assert ["NonExistentQueue" in str(reason) for reason in reasons] == [True, True]


def test_sqs_out_of_reach_is_unknown_and_not_an_error() -> None:
    reasons: list[Exception] = []
    address = f"http://127.0.0.1:{free_port()}"
    backlog = read_backlog(client(address), "http://127.0.0.1/1/feedback", told(reasons))
    assert backlog.waiting is None
    assert "that this function may read its attributes" in backlog.sentence
    assert address not in backlog.sentence
    assert address in str(reasons[0])


def test_the_route_answers_whoever_has_the_scope(sqs: Any, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": moto}.items():
        monkeypatch.setenv(name, value)
    hurried_sqs.cache_clear()
    settings = Settings(feedback_queue_url=make_queue(sqs, "asked")[0])
    with pytest.raises(MissingScope):
        respond(http_event(scope="openid") | {"routeKey": QUEUE}, settings)
    answer = respond(http_event(scope="analytics") | {"routeKey": QUEUE}, settings)
    hurried_sqs.cache_clear()
    assert json.loads(answer["body"]) == {"waiting": 0, "underway": 0, "dead_letters": 0, "sentence": ""}


def test_the_figures_do_not_wait_for_boto3_to_be_imported() -> None:
    loaded = "import sys, functions.monitor.analytics, functions.monitor.open_routes; print('boto3' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True).strip() == "False"
