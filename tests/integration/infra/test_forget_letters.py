"""Dead letters of a forgotten visitor go, and only those."""

import json
from typing import Any

import boto3
import pytest

from infra.local.queues import Queues, forget_letters, peek


@pytest.fixture
def queues(moto: str) -> Queues:
    session: Any = boto3.Session("test", "test", region_name="eu-central-1")
    sqs: Any = session.client("sqs", endpoint_url=moto)
    dead: str = sqs.create_queue(QueueName="dead")["QueueUrl"]
    return Queues(sqs, dead, dead, managed=False)


def test_letters_that_name_the_visitor_go_and_the_others_stay_readable(queues: Queues) -> None:
    about = [{"user_id": 7, "movie_id": 1}, {"user_id": 17}, {"user_id": "7"}, {"movie_id": 7}]
    bodies = [json.dumps(one) for one in about] + ['{"user_id": 7', '{"user_id": 77', "[7]"]
    for body in bodies:
        queues.sqs.send_message(QueueUrl=queues.dead_letters, MessageBody=body)
    assert forget_letters(queues, 7) == 3
    assert sorted(letter["Body"] for letter in peek(queues)) == sorted([bodies[1], bodies[3], bodies[5], bodies[6]])
