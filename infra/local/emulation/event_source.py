"""Lambda's event source mapping for SQS: receives messages, invokes the consumer, deletes handled messages.

Knows the queue and how to invoke; must not know what a message means.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, cast

import aiohttp

from infra.local.emulation.aws import ACCOUNT, REGION, queue_arn
from infra.local.emulation.runtime import InvocationFailed, Throttled
from infra.service import Queue

TAKE: Final = 10  # ReceiveMessage's limit, and DeleteMessageBatch's
LONG_POLL_SECONDS: Final = 20
RETRY_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 10.0  # of a single request; a poller waits longer
Invoke = Callable[[bytes], Awaitable[bytes]]
Message = dict[str, Any]


@dataclass(slots=True)
class EventSource:
    """Feeds one function from one queue, until it is cancelled."""

    queue: Queue
    url: str
    session: aiohttp.ClientSession
    invoke: Invoke
    deleted: int = 0
    """Messages handled and deleted since the start, with repeats."""
    _running: "set[asyncio.Task[None]]" = field(default_factory=set["asyncio.Task[None]"])

    async def run(self) -> None:
        """Collects batches and invokes the consumer for at most `maximum_concurrency` at once."""
        slots = asyncio.Semaphore(self.queue.maximum_concurrency)
        while True:
            await slots.acquire()
            batch = await self._collect()
            handling = asyncio.create_task(self._handle(batch))
            self._running.add(handling)
            handling.add_done_callback(self._running.discard)
            handling.add_done_callback(lambda _: slots.release())

    async def _collect(self) -> list[Message]:
        """Waits for one message, then collects more until the batch is full or its window ends."""
        batch: list[Message] = []
        while not batch:
            batch = await self._receive(LONG_POLL_SECONDS)
        window_ends = time.monotonic() + self.queue.batch_window.total_seconds()
        while len(batch) < self.queue.batch_size and (left := window_ends - time.monotonic()) > 0:
            more = await self._receive(0)
            batch += more
            if not more:
                await asyncio.sleep(min(left, 0.1))
        return batch

    async def _handle(self, batch: list[Message]) -> None:
        event = {"Records": [self._record(message) for message in batch]}
        with suppress(InvocationFailed, Throttled):  # every message becomes visible again after its time-out
            answer: Any = json.loads(await self.invoke(json.dumps(event).encode()))
            failed = _failed(answer)
            done = [message for message in batch if message["MessageId"] not in failed]
            for start in range(0, len(done), TAKE):
                await self._delete(done[start : start + TAKE])

    async def _receive(self, seconds: int) -> list[Message]:
        answer = await self._call(
            "ReceiveMessage", MaxNumberOfMessages=TAKE, WaitTimeSeconds=seconds, AttributeNames=["All"]
        )
        return answer.get("Messages") or []

    async def _delete(self, messages: list[Message]) -> None:
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
        await self._call("DeleteMessageBatch", Entries=entries)
        self.deleted += len(messages)

    async def _call(self, action: str, **parameters: object) -> dict[str, Any]:
        """Retries until SQS answers, as AWS's own pollers do; every call here is safe to repeat."""
        return await insist(self.session, self.url, action, inf, **parameters)

    def _record(self, message: Message) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn(self.queue.name),
            "awsRegion": REGION,
        }


async def call(session: aiohttp.ClientSession, url: str, action: str, **parameters: object) -> dict[str, Any]:
    """One SQS call about the queue at `url`, by the JSON protocol."""
    headers = {
        "X-Amz-Target": f"AmazonSQS.{action}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/sqs/aws4_request",
    }
    endpoint = url.partition(f"/{ACCOUNT}/")[0]
    async with session.post(endpoint, headers=headers, json={"QueueUrl": url, **parameters}) as response:
        response.raise_for_status()
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer


async def insist(
    session: aiohttp.ClientSession, url: str, action: str, patience: float, **parameters: object
) -> dict[str, Any]:
    """`call`, retried for `patience` seconds while there is no connection; only for calls that are safe to repeat."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return await call(session, url, action, **parameters)
        except aiohttp.ClientConnectionError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def depth(session: aiohttp.ClientSession, url: str) -> int:
    """The number of messages in the queue at `url`, with those in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = await insist(session, url, "GetQueueAttributes", PATIENCE_SECONDS, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def _failed(answer: Any) -> set[str]:
    """The ids that ReportBatchItemFailures names; an answer of another shape means no failure, as on AWS."""
    items = cast("list[dict[str, str]]", (answer or {}).get("batchItemFailures") or [])
    return {item["itemIdentifier"] for item in items}
