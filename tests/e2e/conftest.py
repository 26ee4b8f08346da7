"""A real browser and the whole service for end-to-end tests; skipped, and said so, where no Chromium is installed."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from infra.local import sample
from infra.local.installation import Installation, Plan, installation

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for one module: while it lives, Playwright has this thread's event loop, and others want one too."""
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
def run() -> Iterator[Run]:
    """Runs a coroutine on the service's own event loop, which has a thread of its own, and returns its result."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(120)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def service(run: Run, open_folder: Callable[[], Path]) -> Iterator[Installation]:
    """The whole service with its sample catalogue; nothing in it runs by schedule."""
    stack = AsyncExitStack()
    running = run(stack.enter_async_context(installation(Plan(open_folder(), 0, postgres_settings=("fsync=off",)))))
    run(sample.fill(running))
    yield running
    run(stack.aclose())
