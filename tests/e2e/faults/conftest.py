"""Fixtures of the fault tests: an AWS server, a PostgreSQL that can be restarted, and a stage for scenes."""

import asyncio
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import psycopg
import pytest
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from psycopg import sql

from infra.local import postgres, site
from infra.local.emulation import aws
from infra.service import Function, Queue

from .pipeline import CONSUMER, QUEUE, Pipeline, pipeline

SETTINGS = ("fsync=off", "max_connections=60")  # commits survive a crash of the server, not of the machine
Scene: TypeAlias = Callable[[Pipeline], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """PostgreSQL with durable commits."""

    running: postgres.Postgres

    def address(self, database: str) -> str:
        return f"{self.running.url.rpartition('/')[0]}/{database}"

    def start_again(self) -> None:
        """After `running.stop()`: the same server at the same address."""
        port = urlsplit(self.running.url).port
        self.running = postgres.start(self.running.folder, SETTINGS, port or 0)


@dataclass(frozen=True, slots=True)
class Stage:
    """Queues and one database for a scene."""

    queues: aws.Aws
    server: Server
    folder: Path

    @property
    def database_url(self) -> str:
        return self.server.address(self.folder.name)

    def connect(self) -> Connection:
        return connect(self.database_url)

    def play(self, scene: Scene, queue: Queue = QUEUE, consumer: Function = CONSUMER) -> None:
        """Runs a scene in a new pipeline, which is stopped afterwards."""

        async def playing() -> None:
            async with pipeline(self.queues, self.folder, self.database_url, queue, consumer) as opened:
                await scene(opened)

        asyncio.run(playing())


@pytest.fixture(scope="session")
def queues() -> Iterator[aws.Aws]:
    with tempfile.TemporaryDirectory(prefix="bandit-faults-") as folder:
        running = aws.start(Path(folder))
        running.await_answer()
        yield running
        running.stop()


@pytest.fixture(scope="session")
def durable() -> Iterator[Server]:
    """A server with a database `migrated`: the site's own tables and ours, empty."""
    with tempfile.TemporaryDirectory(prefix="bandit-faults-") as folder:
        Path(folder).chmod(0o711)
        started = Server(postgres.start(Path(folder) / "postgres", SETTINGS))
        with psycopg.connect(started.running.url, autocommit=True) as admin:
            admin.execute("CREATE DATABASE migrated")
        with connect(started.address("migrated")) as connection:
            site.create_tables(connection)
            migrate(connection)
        yield started
        started.running.process.send_signal(signal.SIGQUIT)  # at once: the files are not needed again
        started.running.process.wait()


@pytest.fixture
def stage(queues: aws.Aws, durable: Server, tmp_path: Path) -> Stage:
    """A database and a queue for this test only."""
    with psycopg.connect(durable.running.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE migrated").format(sql.Identifier(tmp_path.name)))
    return Stage(queues, durable, tmp_path)
