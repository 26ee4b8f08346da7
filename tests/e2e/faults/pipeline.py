"""Feedback's real path behind the HTTP API: SQS's protocol, the event source, consumer processes.

Must not know what a message means.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp

from infra.local.emulation import aws
from infra.local.emulation.event_source import EventSource, call, depth
from infra.local.emulation.runtime import Runtime
from infra.local.installation import ROOT
from infra.service import FEEDBACK_QUEUE, FUNCTIONS, Function, Queue

from .traffic import SCALE

CONSUMER: Final = next(function for function in FUNCTIONS if function.name == FEEDBACK_QUEUE.consumer)
QUEUE: Final = replace(
    FEEDBACK_QUEUE,
    batch_size=250,
    batch_window=timedelta(milliseconds=100),
    maximum_concurrency=2,
    visibility=timedelta(seconds=2),
    attempts=20,
)
PATIENCE_SECONDS: Final = 60.0 * SCALE


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One queue with its dead letters, and the function that reads it once `consuming`."""

    queue: Queue
    url: str
    dead_letters: str
    session: aiohttp.ClientSession
    consumer: Runtime
    log: Path

    async def send(self, bodies: Sequence[str]) -> None:
        """Puts messages into the queue, ten at a call."""
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            await call(self.session, self.url, "SendMessageBatch", Entries=entries)

    @asynccontextmanager
    async def consuming(self) -> AsyncGenerator[None]:
        """Turns the event source on; at the end of the block waits for an empty queue and turns it off."""
        source = EventSource(self.queue, self.url, self.session, self.consumer.invoke)
        task = asyncio.create_task(source.run())
        try:
            yield
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await depth(self.session, self.url):
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def kill_consumers(self) -> int:
        """Sends kill -9 to every process; returns their number."""
        victims = self.consumer.processes
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        await eventually(lambda: not set(victims) & set(self.consumer.processes))
        return len(victims)


@asynccontextmanager
async def pipeline(
    server: aws.Aws, folder: Path, database_url: str, queue: Queue = QUEUE, consumer: Function = CONSUMER
) -> AsyncGenerator[Pipeline]:
    """A new queue on a running AWS server, without a consumer yet; `folder` names the queue."""
    queue = replace(queue, name=folder.name)
    url, dead_letters = await asyncio.to_thread(aws.create_queue, server.client("sqs"), queue)
    settings = {**aws.CREDENTIALS, "AWS_ENDPOINT_URL": server.endpoint, "DATABASE_URL": database_url}
    runtime = Runtime(consumer, settings, ROOT, folder / "consumer.log")
    try:
        async with aiohttp.ClientSession() as session:
            yield Pipeline(queue, url, dead_letters, session, runtime, folder / "consumer.log")
    finally:
        await runtime.stop()


async def eventually(condition: Callable[[], object]) -> None:
    """Waits until a condition holds; fails after a minute, at the usual scale."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)
