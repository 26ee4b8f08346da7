"""The local SQS loses no message and revives none under concurrent sends, receives and deletes."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from infra.local import accepted, postgres
from infra.local.emulation import aws, event_source
from infra.service import FEEDBACK_QUEUE


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[aws.Aws, aws.Resources]]:
    server = aws.start(Path(tmp_path_factory.mktemp("aws")))
    server.await_answer()
    yield server, aws.create(server, FEEDBACK_QUEUE, "postgresql://nowhere")
    server.stop()


def test_no_message_is_lost_or_comes_back_under_concurrent_sends_and_deletes(
    resources: tuple[aws.Aws, aws.Resources],
) -> None:
    server, made = resources
    seen: list[str] = []
    sent_all = threading.Event()

    def send(client: Any, sender: int) -> None:
        for number in range(60):
            client.send_message(QueueUrl=made.queue, MessageBody=f"{sender}-{number}")

    def take(client: Any) -> None:
        while True:
            done = sent_all.is_set()
            found = client.receive_message(QueueUrl=made.queue, MaxNumberOfMessages=10).get("Messages", [])
            for message in found:
                seen.append(message["Body"])
                client.delete_message(QueueUrl=made.queue, ReceiptHandle=message["ReceiptHandle"])
            if done and not found:
                return

    senders = [threading.Thread(target=send, args=(server.client("sqs"), sender)) for sender in range(4)]
    takers = [threading.Thread(target=take, args=(server.client("sqs"),)) for _ in range(2)]
    for thread in senders + takers:
        thread.start()
    for thread in senders:
        thread.join()
    sent_all.set()
    for thread in takers:
        thread.join()
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = server.client("sqs").get_queue_attributes(QueueUrl=made.queue, AttributeNames=names)["Attributes"]
    assert set(seen) == {f"{sender}-{number}" for sender in range(4) for number in range(60)}
    assert set(left.values()) == {"0"}


async def depth_of_a_queue_that_answers_after(seconds: float) -> int:
    """Requested before the server listens."""

    async def answer(_: web.Request) -> web.Response:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return web.json_response({"Attributes": dict.fromkeys(names, "3")})

    port = postgres.free_port()
    runner = web.AppRunner(late := web.Application())
    late.router.add_post("/", answer)
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(event_source.depth(session, f"http://127.0.0.1:{port}/{aws.ACCOUNT}/feedback"))
        await asyncio.sleep(seconds)
        assert not asking.done()
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            return await asking
        finally:
            await runner.cleanup()


def test_who_asks_how_deep_a_queue_is_waits_for_a_lost_connection_to_come_back() -> None:
    assert asyncio.run(depth_of_a_queue_that_answers_after(0.3)) == 6


def test_what_was_accepted_is_counted_before_the_queue_ends(
    resources: tuple[aws.Aws, aws.Resources], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, made = resources
    counted: list[str] = []

    async def count(event: bytes) -> bytes:
        counted.extend(record["body"] for record in json.loads(event)["Records"])
        return b"{}"

    async def run() -> int:
        accepted.announce_lost(tmp_path)
        async with aiohttp.ClientSession() as session:
            source = asyncio.create_task(event_source.EventSource(FEEDBACK_QUEUE, made.queue, session, count).run())
            for number in range(5):
                server.client("sqs").send_message(QueueUrl=made.queue, MessageBody=f"last-{number}")
            await accepted.drain(tmp_path, session, made.queue)
            left = await event_source.depth(session, made.queue)
            source.cancel()
        return left

    assert asyncio.run(run()) == 0
    assert sorted(body for body in counted if body.startswith("last")) == [f"last-{number}" for number in range(5)]
    assert "is lost" not in capsys.readouterr().err
    accepted.announce_lost(tmp_path)
    accepted.announce_lost(tmp_path)  # as the run after a killed one does
    assert "The last run was killed" in capsys.readouterr().err
