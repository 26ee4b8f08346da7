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
    about: list[object] = [{"user_id": 7, "movie_id": 1}, {"user_id": 7.0}, {"user_id": "7"}]
    about += [[{"user_id": 7}], {"Message": '{"user_id": 7}'}, {"user": 7}]
    others = [{"user_id": 17}, {"user_id": 8, "movie_id": 7}, {"user": 77}]
    gone = [*map(json.dumps, about), '{"user_id": 7', "[7]", f"{'[' * 20_000}7"]
    stay = [*map(json.dumps, others), '{"user_id": 77', "[" * 20_000]
    for body in gone + stay:
        queues.sqs.send_message(QueueUrl=queues.dead_letters, MessageBody=body)
    assert forget_letters(queues, 7) == len(gone)
    assert sorted(letter["Body"] for letter in peek(queues)) == sorted(stay)
