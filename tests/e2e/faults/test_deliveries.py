"""The tables are the same for repeated, late, wrongly timed and unreadable messages.

Sizes and comparison are those of the crash tests: a thousand messages, two thousand impressions, a slow reference.
"""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from random import Random

import pytest
from bandit_selector.store.connection import Connection

from infra.local.commands.dlq import describe
from infra.local.queues import Queues, peek, replay
from tests.builders import show
from tests.integration.histories import History

from .conftest import Stage
from .pipeline import QUEUE, Pipeline
from .traffic import HELD_SECONDS, SCALE, account, traffic, written

pytestmark = pytest.mark.long
POISON = {
    "not JSON": ("{", "Invalid JSON"),
    "no object": ("[]", "Input should be an object"),
    "a version to come": ('{"version": 2, "action": "click"}', "version: Input should be 1"),
    "an action that is none": ('{"version": 1, "action": "yawn"}', "action: Input should be 'click'"),
    "without a user": ('{"version": 1, "action": "click", "movie_id": 1}', "user_id: Field required"),
}


async def deliver(pipeline: Pipeline, bodies: list[str]) -> None:
    await pipeline.send(bodies)
    async with pipeline.consuming():
        pass


def test_messages_delivered_three_times_count_once(stage: Stage) -> None:
    history = traffic(seed=11, messages=700)
    bodies = 3 * written(history)
    Random(11).shuffle(bodies)
    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(lambda pipeline: deliver(pipeline, bodies))
        account(connection, history, "every message three times")


def test_a_producer_whose_clock_is_an_hour_slow_changes_only_what_its_times_say(stage: Stage) -> None:
    punctual = traffic(seed=12)
    hour = timedelta(hours=1)
    late = (
        message.model_copy(
            update={"occurred_at": message.occurred_at - hour, "received_at": message.received_at - hour}
        )
        for message in punctual.messages[::2]
    )
    history = History(punctual.impressions, (*punctual.messages[1::2], *late))
    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(lambda pipeline: deliver(pipeline, written(history)))
        account(connection, history, "one clock an hour slow")


def test_a_queue_that_was_held_is_caught_up_with_and_feedback_may_come_before_its_impression(stage: Stage) -> None:
    history = traffic(seed=13)

    def half(connection: Connection, start: int) -> None:
        show(connection, history.impressions[start::2])

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        await asyncio.sleep(HELD_SECONDS)  # without a consumer
        async with pipeline.consuming():
            pass

    with stage.connect() as connection:
        half(connection, 0)
        stage.play(scene)
        half(connection, 1)
        account(connection, history, "held, and half the impressions visible afterwards")


def test_poison_fails_alone_and_ends_among_the_dead_letters_with_its_reason_in_the_log(stage: Stage) -> None:
    history = traffic(seed=14)
    bodies = written(history) + [body for body, _ in POISON.values()]
    Random(14).shuffle(bodies)
    brief = replace(QUEUE, visibility=timedelta(seconds=1), attempts=2)
    found: list[str] = []
    log: list[str] = []

    async def scene(pipeline: Pipeline) -> None:
        await deliver(pipeline, bodies)
        queues = Queues(stage.queues.client("sqs"), pipeline.url, pipeline.dead_letters, managed=False)
        found.extend(letter["Body"] for letter in await asyncio.to_thread(peek, queues))
        log.append(pipeline.log.read_text())

    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(scene, brief)
        account(connection, history, "poison among the messages")
    assert sorted(found) == sorted(body for body, _ in POISON.values())
    entries = [json.loads(line) for line in log[0].splitlines() if line.startswith('{"level":"ERROR"')]
    for body, reason in POISON.values():
        digest = sha256(body.encode()).hexdigest()
        assert any(entry["body_sha256"] == digest and reason in entry["message"] for entry in entries)


def test_dead_letters_can_be_looked_at_and_sent_again(stage: Stage) -> None:
    history = traffic(seed=15, messages=100)
    bodies = written(history)
    brief = replace(QUEUE, visibility=timedelta(seconds=1), attempts=2)

    async def scene(pipeline: Pipeline) -> None:
        queues = Queues(stage.queues.client("sqs"), pipeline.url, pipeline.dead_letters, managed=False)
        await replace(pipeline, url=pipeline.dead_letters).send([*bodies, "{"])
        letters = [describe(letter) for letter in await asyncio.to_thread(peek, queues)]
        assert len(letters) == SCALE * 100 + 1
        assert {letter["reason"] for letter in letters if letter["body"] != "{"} == {"It can be read now; replay it."}
        assert "Invalid JSON" in next(letter["reason"] for letter in letters if letter["body"] == "{")
        assert await asyncio.to_thread(replay, queues) == SCALE * 100 + 1
        assert await asyncio.to_thread(peek, queues) == []
        async with pipeline.consuming():
            pass
        assert [letter["Body"] for letter in await asyncio.to_thread(peek, queues)] == ["{"]

    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(scene, brief)
        account(connection, history, "dead letters replayed")
