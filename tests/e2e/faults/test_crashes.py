"""Every message counts exactly once after a crash of any process between the queue and the tables.

Each test sends a thousand messages about two thousand impressions through SQS, the event source and real consumer
processes into PostgreSQL, breaks something at a known moment, and compares all tables with a slow reference.
"""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from bandit_selector.store.connection import Connection

from tests.builders import show

from .conftest import Stage
from .pipeline import CONSUMER, QUEUE, Pipeline, eventually
from .traffic import account, traffic, written

DISCONNECTED = psycopg.OperationalError
pytestmark = pytest.mark.long


@contextmanager
def impressions_held(stage: Stage) -> Generator[Connection]:
    """Stops every consumer in the middle of its transaction until the block ends."""
    with stage.connect() as holder, holder.transaction():
        holder.execute("SELECT FROM bandit_lists ORDER BY id FOR UPDATE")
        yield holder


@contextmanager
def posteriors_held(stage: Stage) -> Generator[Connection]:
    """Stops every consumer between its commit and its answer until the block ends."""
    with stage.connect() as holder, holder.transaction():
        holder.execute("LOCK TABLE bandit_posteriors, bandit_memory IN ACCESS EXCLUSIVE MODE")
        yield holder


def waiting(connection: Connection) -> list[int]:
    """The server processes that wait for a lock in this database."""
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return [pid for (pid,) in rows]


def recorded(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM feedback_events").fetchone()
    return row[0] if row else 0


def is_gone(connection: Connection) -> bool:
    """Whether the server has ended this connection."""
    try:
        connection.execute("SELECT 1")
    except DISCONNECTED:
        return True
    return False


def test_a_consumer_killed_before_its_commit_leaves_nothing_and_the_batch_comes_again(stage: Stage) -> None:
    history = traffic(seed=1)

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        with stage.connect() as watcher:
            async with pipeline.consuming():
                with impressions_held(stage):
                    await eventually(lambda: len(waiting(watcher)) == 2)
                    assert await pipeline.kill_consumers() == 2
                    assert recorded(watcher) == 0

    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(scene)
        account(connection, history, "kill -9 before the commit")


def test_a_consumer_killed_after_its_commit_has_counted_and_the_batch_that_comes_again_has_not(stage: Stage) -> None:
    history = traffic(seed=2)

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        with stage.connect() as watcher:
            async with pipeline.consuming():
                with posteriors_held(stage):
                    await eventually(lambda: len(waiting(watcher)) == 2)
                    committed = recorded(watcher)
                    assert await pipeline.kill_consumers() == 2
                assert committed > 0

    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(scene)
        account(connection, history, "kill -9 after the commit")


def test_a_database_that_is_stopped_and_started_under_load_loses_nothing(stage: Stage) -> None:
    history = traffic(seed=3)

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        async with pipeline.consuming():
            with stage.connect() as watcher:
                await eventually(lambda: recorded(watcher))
            await asyncio.to_thread(stage.server.running.stop)
            await asyncio.sleep(0.5)
            stage.server.start_again()

    with stage.connect() as connection:
        show(connection, history.impressions)
    stage.play(scene)
    with stage.connect() as connection:
        account(connection, history, "PostgreSQL stopped and started")


def test_a_database_that_crashes_mid_transaction_recovers_with_every_commit(stage: Stage) -> None:
    history = traffic(seed=4)

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        async with pipeline.consuming():
            with stage.connect() as watcher:
                await eventually(lambda: recorded(watcher))
                with impressions_held(stage) as holder:
                    await eventually(lambda: waiting(watcher))
                    os.kill(waiting(watcher)[0], signal.SIGKILL)
                    await eventually(lambda: is_gone(holder))

    with stage.connect() as connection:
        show(connection, history.impressions)
    stage.play(scene)
    with stage.connect() as connection:
        account(connection, history, "PostgreSQL crashed")


def test_terminated_connections_are_opened_again_and_nothing_is_lost(stage: Stage) -> None:
    history = traffic(seed=5)

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        with stage.connect() as watcher:
            async with pipeline.consuming():
                for _ in range(3):
                    with impressions_held(stage):
                        await eventually(lambda: waiting(watcher))
                        for pid in waiting(watcher):
                            watcher.execute("SELECT pg_terminate_backend(%s)", [pid])

    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(scene)
        account(connection, history, "connections terminated")


def test_a_batch_delivered_again_while_its_first_run_still_goes_on_counts_once(stage: Stage) -> None:
    history = traffic(seed=6)
    impatient = replace(QUEUE, visibility=timedelta(seconds=1), maximum_concurrency=4)

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        with stage.connect() as watcher:
            async with pipeline.consuming():
                with impressions_held(stage):
                    await eventually(lambda: len(waiting(watcher)) == 4)
                    await asyncio.sleep(1.5)

    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(scene, impatient)
        account(connection, history, "delivered again during the first run")


def test_a_consumer_that_runs_out_of_time_is_ended_and_its_batch_comes_again(stage: Stage) -> None:
    history = traffic(seed=7)
    short = replace(CONSUMER, timeout=timedelta(seconds=1))

    async def scene(pipeline: Pipeline) -> None:
        await pipeline.send(written(history))
        with stage.connect() as watcher:
            async with pipeline.consuming():
                with impressions_held(stage):
                    await eventually(lambda: waiting(watcher))
                    await eventually(lambda: "timed out" in pipeline.log.read_text())

    with stage.connect() as connection:
        show(connection, history.impressions)
        stage.play(scene, consumer=short)
        account(connection, history, "the consumer's time ran out")
