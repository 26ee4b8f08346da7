"""A real browser and the whole service for end-to-end tests; skipped, and said so, where no Chromium is installed."""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from infra.local import sample
from infra.local.installation import Installation, Plan, installation

CHROMIUM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium per test process."""
    if not CHROMIUM:
        pytest.skip("no chromium is installed; `apt-get install chromium` brings it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of this test's own: empty storage, online."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The whole service with its sample catalogue, in a thread of its own; nothing runs by schedule."""
    folder = tmp_path_factory.mktemp("service")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)  # PostgreSQL runs as another user when we are root
    started: SimpleQueue[Installation | BaseException] = SimpleQueue()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        try:
            async with installation(Plan(folder, 0, postgres_settings=("fsync=off",))) as running:
                await sample.fill(running)
                started.put(running)
                await stop.wait()
        except BaseException as error:
            started.put(error)
            raise

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    running = started.get(timeout=90)
    if isinstance(running, BaseException):
        raise running
    yield running
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
