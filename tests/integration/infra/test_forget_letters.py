"""Dead letters of a forgotten visitor go, and only those."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from infra.local.queues import Queues, forget_letters, peek


@pytest.fixture
def queues() -> Iterator[Queues]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    session: Any = boto3.Session("test", "test", region_name="eu-central-1")
    sqs: Any = session.client("sqs", endpoint_url=f"http://{host}:{port}")
    dead: str = sqs.create_queue(QueueName="dead")["QueueUrl"]
    yield Queues(sqs, dead, dead, managed=False)
    server.stop()


def test_letters_that_name_the_visitor_go_and_the_others_stay_readable(queues: Queues) -> None:
    about = [{"user_id": 7, "movie_id": 1}, {"user_id": 17}, {"user_id": "7"}, {"movie_id": 7}]
    bodies = [json.dumps(one) for one in about] + ['{"user_id": 7', '{"user_id": 77', "[7]"]
    for body in bodies:
        queues.sqs.send_message(QueueUrl=queues.dead_letters, MessageBody=body)
    assert forget_letters(queues, 7) == 3
    assert sorted(letter["Body"] for letter in peek(queues)) == sorted([bodies[1], bodies[3], bodies[5], bodies[6]])
